-- What of the log was last signed for others, by the origin that it was signed as. Leaf
-- 0 is the row after base; size and root (hexadecimal) are of the newest checkpoint. edge
-- is where the log can be followed from once older rows are gone: the unfinished tiles
-- after some multiple of 256 leaves.
CREATE TABLE published (
    origin TEXT PRIMARY KEY, base INTEGER NOT NULL, size INTEGER NOT NULL,
    root TEXT NOT NULL, edge BLOB NOT NULL
) WITHOUT ROWID;
