-- What a site and each tenant drew, in watt-hours. tenant '' is the whole site: by its
-- meter where it has one. A tenant's is what its machines drew, without cooling and
-- network. source is the least sure of what the row was made of: meter, telemetry,
-- model. budget_wh is null for tenants. curtailed_wh is what machines did not draw
-- because we held them off or lowered them; machine_s_down, seconds of machines that
-- were gone or silent. machine_wh is all machines by telemetry or model, to be held
-- against the meter. seconds is how much of the time was seen, metered_s for how much of
-- that the meter spoke. minute and hour count from the epoch.
CREATE TABLE energy_minute (
    site TEXT NOT NULL, tenant TEXT NOT NULL, minute INTEGER NOT NULL,
    wh REAL NOT NULL, source TEXT NOT NULL, budget_wh REAL,
    curtailed_wh REAL NOT NULL, machine_s_down REAL NOT NULL,
    machine_wh REAL NOT NULL, seconds REAL NOT NULL, metered_s REAL NOT NULL,
    PRIMARY KEY (minute, site, tenant)
) WITHOUT ROWID;

CREATE TABLE energy_hour (
    site TEXT NOT NULL, tenant TEXT NOT NULL, hour INTEGER NOT NULL,
    wh REAL NOT NULL, source TEXT NOT NULL, budget_wh REAL,
    curtailed_wh REAL NOT NULL, machine_s_down REAL NOT NULL,
    machine_wh REAL NOT NULL, seconds REAL NOT NULL, metered_s REAL NOT NULL,
    PRIMARY KEY (hour, site, tenant)
) WITHOUT ROWID;
