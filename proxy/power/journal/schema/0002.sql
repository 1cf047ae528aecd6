-- What a machine is owed beside its equals: hours of full power that it was curtailed,
-- and how often it was switched in the last day.
ALTER TABLE machine ADD COLUMN debt_h REAL NOT NULL DEFAULT 0;
ALTER TABLE machine ADD COLUMN cycles REAL NOT NULL DEFAULT 0;
