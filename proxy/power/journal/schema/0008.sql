-- What opens the values that rows of the log hide by a salted digest: of which row, whose
-- they are, and the text whose SHA-256 is the digest (RFC 9901). Deleted, a value can be
-- shown no more, and the log stays as it is.
CREATE TABLE opening (
    event INTEGER NOT NULL, tenant TEXT NOT NULL, text TEXT NOT NULL,
    PRIMARY KEY (tenant, event, text)
) WITHOUT ROWID;
