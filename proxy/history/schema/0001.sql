-- Columns of each series, by the place in a row, with blanks between.
CREATE TABLE series (
    kind TEXT NOT NULL, name TEXT NOT NULL, columns TEXT NOT NULL,
    PRIMARY KEY (kind, name)
) WITHOUT ROWID;

-- 60 rows of a ring, at their place in it: float32, the lowest byte first, row by row.
-- start is the Unix time of the first; -1: it holds nothing.
CREATE TABLE piece (
    kind TEXT NOT NULL, name TEXT NOT NULL,
    step INTEGER NOT NULL, position INTEGER NOT NULL,
    start INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (kind, name, step, position)
);
