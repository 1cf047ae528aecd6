-- The limit that a machine had when it was first read, in watts; NULL: it was not read
-- yet, or says none. Those known before have their model's watts as their top, as ever:
-- what they say now may be a limit of ours.
ALTER TABLE machine ADD COLUMN found_w REAL;
UPDATE machine SET found_w = 0;
