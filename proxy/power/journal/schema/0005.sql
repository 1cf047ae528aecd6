-- Which machine it is, whatever its address: its MAC; NULL: it did not say.
ALTER TABLE machine ADD COLUMN identity TEXT;

-- The limit that a machine was found with, in watts, by its identity: kept when it is
-- forgotten. '': one was forgotten that never said who it is.
CREATE TABLE found_limit (
    site TEXT NOT NULL, identity TEXT NOT NULL, watts REAL NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (site, identity)
) WITHOUT ROWID;
