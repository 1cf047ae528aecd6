-- Rows of a day are a partition: a day goes as a whole, and costs no search. What is
-- there already, and what is of a day that has none, is in the default one.
-- Checks hold what no release writes: who fills these tables by hand is told.

ALTER TABLE share RENAME TO share_rest;
ALTER INDEX share_at RENAME TO share_rest_at;
ALTER TABLE share_rest ADD CONSTRAINT share_is CHECK
    (id > 0 AND difficulty >= 0 AND length(hash) = 32);
CREATE TABLE share (LIKE share_rest, CONSTRAINT share_is CHECK
    (id > 0 AND difficulty >= 0 AND length(hash) = 32)) PARTITION BY RANGE (at);
CREATE INDEX share_at ON share USING brin (at);
ALTER TABLE share ATTACH PARTITION share_rest DEFAULT;

ALTER TABLE upstream RENAME TO upstream_rest;
ALTER INDEX upstream_at RENAME TO upstream_rest_at;
CREATE TABLE upstream (LIKE upstream_rest) PARTITION BY RANGE (at);
CREATE INDEX upstream_at ON upstream USING brin (at);
ALTER TABLE upstream ATTACH PARTITION upstream_rest DEFAULT;

ALTER TABLE work_minute RENAME TO work_minute_rest;
ALTER INDEX work_minute_pkey RENAME TO work_minute_rest_pkey;
ALTER TABLE work_minute_rest ADD CONSTRAINT work_is CHECK
    (accepted >= 0 AND rejected >= 0 AND work >= 0);
CREATE TABLE work_minute (LIKE work_minute_rest, CONSTRAINT work_is CHECK
    (accepted >= 0 AND rejected >= 0 AND work >= 0),
    PRIMARY KEY (minute, proxy, site, worker)) PARTITION BY RANGE (minute);
ALTER TABLE work_minute ATTACH PARTITION work_minute_rest DEFAULT;

-- How many of a partitioned table's units a second has: minutes are counted in minutes.
CREATE FUNCTION units_of(kind text) RETURNS integer IMMUTABLE LANGUAGE sql AS $$
    SELECT CASE kind WHEN 'share' THEN 1 WHEN 'upstream' THEN 1
        WHEN 'work_minute' THEN 60 END
$$;

-- Make the partition of a day (UTC) if there is none; false: its rows go to the rest,
-- since some are there already, or it is too far from today to be meant.
CREATE FUNCTION make_day(kind text, day date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = baseload, pg_temp AS $$
DECLARE
    per integer := units_of(kind);
    begins bigint := extract(epoch FROM day)::bigint;
    called text := kind || '_' || to_char(day, 'YYYYMMDD');
BEGIN
    IF per IS NULL OR abs(day - current_date) > 400 OR day > current_date + 2 THEN
        RETURN false;
    END IF;
    IF to_regclass(called) IS NULL THEN
        EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%s) TO (%s)',
            called, kind, begins / per, (begins + 86400) / per);
    END IF;
    RETURN true;
EXCEPTION
    WHEN duplicate_table OR unique_violation THEN RETURN true; -- made beside us
    WHEN check_violation THEN RETURN false;
END $$;

-- Drop the partitions of the days before one, and such rows of the rest; never the last
-- 7 days. Returns how many partitions went.
CREATE FUNCTION drop_days(kind text, before date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = baseload, pg_temp AS $$
DECLARE
    last date := least(before, current_date - 7);
    part text;
    gone integer := 0;
BEGIN
    IF units_of(kind) IS NULL THEN
        RETURN 0;
    END IF;
    FOR part IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = kind::regclass AND c.relname ~ ('^' || kind || '_\d{8}$')
            AND to_date(right(c.relname, 8), 'YYYYMMDD') < last
    LOOP
        EXECUTE format('DROP TABLE IF EXISTS %I', part);
        gone := gone + 1;
    END LOOP;
    EXECUTE format('DELETE FROM %I WHERE %I < %s', kind || '_rest',
        CASE kind WHEN 'work_minute' THEN 'minute' ELSE 'at' END,
        extract(epoch FROM last)::bigint / units_of(kind));
    RETURN gone;
END $$;

REVOKE ALL ON FUNCTION make_day, drop_days FROM PUBLIC; -- `cluster admit` gives them

-- NOT VALID: a row that is odd already stops no upgrade; the leader refuses its member.
ALTER TABLE leader ADD CONSTRAINT leader_is CHECK (epoch >= 0 AND beat >= 0) NOT VALID;
ALTER TABLE member ADD CONSTRAINT member_is CHECK (
    life > 0 AND seq >= 0 AND epoch >= -1 AND applied >= -1 AND held_w >= 0
    AND floor_w >= 0 AND down_s >= 0 AND down_s < 'Infinity' AND v > 0
    AND jsonb_typeof(need) = 'array' AND octet_length(need::text) < 65536
    AND jsonb_typeof(figures) = 'object' AND octet_length(figures::text) < 65536
) NOT VALID;
ALTER TABLE grant_ ADD CONSTRAINT grant_is CHECK (
    epoch >= 0 AND number >= 0 AND watts >= 0 AND life >= 0 AND answers >= 0
    AND jsonb_typeof("out") = 'array' AND octet_length("out"::text) < 65536
) NOT VALID;
ALTER TABLE site_order ADD CONSTRAINT order_is CHECK (
    seq >= 0 AND jsonb_typeof(body) = 'object' AND octet_length(body::text) < 65536
) NOT VALID;
ALTER TABLE spoken ADD CONSTRAINT spoken_is CHECK (beat >= 0) NOT VALID;
ALTER TABLE work_hour ADD CONSTRAINT work_is CHECK
    (accepted >= 0 AND rejected >= 0 AND work >= 0) NOT VALID;
ALTER TABLE work_day ADD CONSTRAINT work_is CHECK
    (accepted >= 0 AND rejected >= 0 AND work >= 0) NOT VALID;

-- A member of an earlier release numbers its orders by itself: two that are given at
-- once had one number, and the second was acknowledged and lost. Here it gets the next.
CREATE FUNCTION number_order() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    there jsonb;
BEGIN
    INSERT INTO spoken AS s VALUES (NEW.site, NEW.source, NEW.seq)
        ON CONFLICT (site, source) DO UPDATE SET beat = greatest(s.beat, excluded.beat);
    SELECT body INTO there FROM site_order
        WHERE site = NEW.site AND source = NEW.source AND seq = NEW.seq;
    IF there IS NOT NULL AND there <> NEW.body THEN
        SELECT max(seq) + 1 INTO NEW.seq FROM site_order
            WHERE site = NEW.site AND source = NEW.source;
        NEW.body := jsonb_set(NEW.body, '{seq}', to_jsonb(NEW.seq));
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER number_order BEFORE INSERT ON site_order
    FOR EACH ROW EXECUTE FUNCTION number_order();

-- Who connects as a role of its own, called as its member, writes its own rows alone.
-- Whoever owns the tables is bound by none of this.
ALTER TABLE member ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_all ON member FOR SELECT USING (true);
CREATE POLICY write_own ON member FOR INSERT
    WITH CHECK (split_part(name, '/', 1) = current_user);
CREATE POLICY change_own ON member FOR UPDATE
    USING (split_part(name, '/', 1) = current_user)
    WITH CHECK (split_part(name, '/', 1) = current_user);
CREATE POLICY forget ON member FOR DELETE USING (true); -- `leave`: of who may lead
ALTER TABLE proxy ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_all ON proxy FOR SELECT USING (true);
CREATE POLICY enlist_self ON proxy FOR INSERT WITH CHECK (name = current_user);
ALTER TABLE shipped ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_all ON shipped FOR SELECT USING (true);
CREATE POLICY own_marks ON shipped FOR INSERT
    WITH CHECK (proxy = (SELECT id FROM proxy WHERE name = current_user));
CREATE POLICY move_own ON shipped FOR UPDATE
    USING (proxy = (SELECT id FROM proxy WHERE name = current_user))
    WITH CHECK (proxy = (SELECT id FROM proxy WHERE name = current_user));
