-- What happened and why. hash is SHA-256, in hexadecimal, of the hash of the row
-- before (as bytes) and of this row: [id, at, site, kind, cause] as JSON, a newline,
-- body. Rows are only appended; the oldest go when there are too many.
CREATE TABLE event (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    site TEXT NOT NULL,
    kind TEXT NOT NULL,
    cause TEXT NOT NULL,
    body TEXT NOT NULL,
    hash TEXT NOT NULL
);

-- The row before the oldest that is kept: where a check of the hashes begins.
CREATE TABLE anchor (id INTEGER NOT NULL, hash TEXT NOT NULL);

-- Orders that may still matter, as JSON.
CREATE TABLE site_order (
    site TEXT NOT NULL, source TEXT NOT NULL, seq INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (site, source, seq)
) WITHOUT ROWID;

-- When each source was last heard, in Unix seconds.
CREATE TABLE spoken (
    site TEXT NOT NULL, source TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (site, source)
) WITHOUT ROWID;

-- Machines as they were last told to run or not, and when.
CREATE TABLE machine (
    site TEXT NOT NULL, key TEXT NOT NULL,
    address TEXT NOT NULL, worker TEXT NOT NULL,
    is_running INTEGER NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (site, key)
) WITHOUT ROWID;

-- What the estimator has learned of a site.
CREATE TABLE learned (
    site TEXT PRIMARY KEY, bias REAL NOT NULL, reference REAL NOT NULL
) WITHOUT ROWID;
