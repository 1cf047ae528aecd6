-- Times are durations of somebody's own clock, or none: no two clocks are compared.
-- `site` is a name of [[cluster.sites]], `name` a member's.

CREATE SEQUENCE life;

-- Members and shippers; the id is the instance that tells their coinbases apart.
CREATE TABLE proxy (
    id integer PRIMARY KEY CHECK (id BETWEEN 0 AND 65535),
    name text NOT NULL UNIQUE
);

CREATE TABLE leader (
    site text PRIMARY KEY,
    epoch bigint NOT NULL,
    beat bigint NOT NULL,
    holder text NOT NULL
);

CREATE TABLE member (
    site text NOT NULL, name text NOT NULL,
    life bigint NOT NULL, seq bigint NOT NULL, epoch bigint NOT NULL,
    applied bigint NOT NULL, held_w bigint NOT NULL, floor_w bigint NOT NULL,
    down_s real NOT NULL, need jsonb NOT NULL, figures jsonb NOT NULL, v integer NOT NULL,
    PRIMARY KEY (site, name)
) WITH (fillfactor = 50); -- written each second: room for its next version beside it

CREATE TABLE grant_ (
    site text NOT NULL, name text NOT NULL,
    epoch bigint NOT NULL, number bigint NOT NULL, watts bigint NOT NULL,
    "out" jsonb NOT NULL, life bigint NOT NULL, answers bigint NOT NULL,
    PRIMARY KEY (site, name)
) WITH (fillfactor = 50);

CREATE TABLE site_order (
    site text NOT NULL, source text NOT NULL, seq bigint NOT NULL,
    body jsonb NOT NULL,
    PRIMARY KEY (site, source, seq)
);

-- Grows whenever a source is heard: how long it is silent is for each reader to tell.
CREATE TABLE spoken (
    site text NOT NULL, source text NOT NULL, beat bigint NOT NULL,
    PRIMARY KEY (site, source)
);

-- How far each table of each proxy's ledger was copied; moved with the rows.
CREATE TABLE shipped (
    proxy integer NOT NULL REFERENCES proxy (id), "table" text NOT NULL,
    last_id bigint NOT NULL,
    PRIMARY KEY (proxy, "table")
);

-- Rows that were lost before they could be copied.
CREATE TABLE ship_gap (
    proxy integer NOT NULL, "table" text NOT NULL,
    from_id bigint NOT NULL, to_id bigint NOT NULL,
    said_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (proxy, "table", from_id)
);

CREATE TABLE share (
    proxy integer NOT NULL, id bigint NOT NULL, at double precision NOT NULL,
    site text NOT NULL, worker text NOT NULL, job text NOT NULL,
    difficulty double precision NOT NULL, verdict text NOT NULL, hash bytea NOT NULL
);
CREATE INDEX share_at ON share USING brin (at);

CREATE TABLE work_minute (
    proxy integer NOT NULL, site text NOT NULL, worker text NOT NULL,
    minute integer NOT NULL,
    accepted bigint NOT NULL, rejected bigint NOT NULL, work double precision NOT NULL,
    PRIMARY KEY (minute, proxy, site, worker)
);

CREATE TABLE work_hour (
    proxy integer NOT NULL, site text NOT NULL, worker text NOT NULL,
    hour integer NOT NULL,
    accepted bigint NOT NULL, rejected bigint NOT NULL, work double precision NOT NULL,
    PRIMARY KEY (hour, proxy, site, worker)
);

CREATE TABLE work_day (
    proxy integer NOT NULL, site text NOT NULL, worker text NOT NULL,
    day integer NOT NULL,
    accepted bigint NOT NULL, rejected bigint NOT NULL, work double precision NOT NULL,
    PRIMARY KEY (day, proxy, site, worker)
);

CREATE TABLE upstream (
    proxy integer NOT NULL, id bigint NOT NULL, at double precision NOT NULL,
    site text NOT NULL, pool text NOT NULL, worker text NOT NULL, job text NOT NULL,
    hash bytea NOT NULL, difficulty double precision NOT NULL,
    verdict text NOT NULL, reason text NOT NULL, settled_at double precision
);
CREATE INDEX upstream_at ON upstream USING brin (at);

CREATE TABLE block (
    proxy integer NOT NULL, hash text NOT NULL, at double precision NOT NULL,
    site text NOT NULL, worker text NOT NULL, source text NOT NULL, height integer,
    verdict text NOT NULL, reason text NOT NULL, settled_at double precision,
    PRIMARY KEY (proxy, hash)
);
