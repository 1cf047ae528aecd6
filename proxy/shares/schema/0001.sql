-- A share as it was judged. hash is in display order. Rowids grow with time.
CREATE TABLE share (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    site TEXT NOT NULL,
    worker TEXT NOT NULL,
    job TEXT NOT NULL,
    difficulty REAL NOT NULL,
    verdict TEXT NOT NULL,
    hash TEXT NOT NULL
);

CREATE TABLE work_minute (
    site TEXT NOT NULL, worker TEXT NOT NULL, minute INTEGER NOT NULL,
    accepted INTEGER NOT NULL, rejected INTEGER NOT NULL, work REAL NOT NULL,
    PRIMARY KEY (minute, site, worker)
) WITHOUT ROWID;

CREATE TABLE work_hour (
    site TEXT NOT NULL, worker TEXT NOT NULL, hour INTEGER NOT NULL,
    accepted INTEGER NOT NULL, rejected INTEGER NOT NULL, work REAL NOT NULL,
    PRIMARY KEY (hour, site, worker)
) WITHOUT ROWID;

CREATE TABLE work_day (
    site TEXT NOT NULL, worker TEXT NOT NULL, day INTEGER NOT NULL,
    accepted INTEGER NOT NULL, rejected INTEGER NOT NULL, work REAL NOT NULL,
    PRIMARY KEY (day, site, worker)
) WITHOUT ROWID;

-- A share sent on to its source, and what the source said of it.
CREATE TABLE upstream (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    site TEXT NOT NULL,
    pool TEXT NOT NULL,
    worker TEXT NOT NULL,
    job TEXT NOT NULL,
    hash TEXT NOT NULL,
    difficulty REAL NOT NULL,
    verdict TEXT NOT NULL DEFAULT 'pending',
    reason TEXT NOT NULL DEFAULT '',
    settled_at REAL
);

CREATE TABLE block (
    hash TEXT PRIMARY KEY,
    at REAL NOT NULL,
    site TEXT NOT NULL,
    worker TEXT NOT NULL,
    source TEXT NOT NULL,
    verdict TEXT NOT NULL DEFAULT 'pending'
);

-- One row: shares up to this id are in work_minute.
CREATE TABLE rolled_up (share_id INTEGER NOT NULL);
INSERT INTO rolled_up VALUES (0);
