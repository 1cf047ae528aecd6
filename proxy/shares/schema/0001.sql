-- A share as it was judged. hash is in display order. Ids grow with time and are
-- never used twice: the newest row is never deleted.
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
    height INTEGER,
    verdict TEXT NOT NULL DEFAULT 'pending',
    reason TEXT NOT NULL DEFAULT '',
    settled_at REAL
);

-- One row: how far the roll-ups reach. Shares up to share_id are in them; those
-- after it, up to through_id, are being added as `minute`, and are in for every
-- (site, worker) up to the one named here.
CREATE TABLE rolled_up (
    share_id INTEGER NOT NULL, through_id INTEGER NOT NULL,
    minute INTEGER NOT NULL, site TEXT NOT NULL, worker TEXT NOT NULL
);
INSERT INTO rolled_up VALUES (0, 0, 0, '', '');
