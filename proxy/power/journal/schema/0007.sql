-- Signed documents of a site: what stands, what waits for signatures, and the ids that
-- may not come again. body is the text that is signed, signatures a JSON list of
-- {"key", "value"}, verdict one of trusted, taken, ended, pending. leaf is the event that
-- tells of it; rows may go once the wall clock is past until.
CREATE TABLE document (
    id TEXT NOT NULL, site TEXT NOT NULL, body TEXT NOT NULL, signatures TEXT NOT NULL,
    verdict TEXT NOT NULL, leaf INTEGER NOT NULL, at REAL NOT NULL, until REAL NOT NULL,
    PRIMARY KEY (site, id)
) WITHOUT ROWID;
