"""A state folder with a little of everything, for tests of the records."""

from contextlib import closing
from pathlib import Path

from protocol.units import UnixTime
from proxy.config import Config, load_config
from proxy.power.journal.effects import Effects, Learned
from proxy.power.journal.energy import EnergyRow
from proxy.power.journal.store import open_store
from proxy.power.machines.rows import MachineRow
from proxy.shares.database import open_database

HOUR = 490_896
"""2026-01-01T00:00Z, in hours since the epoch."""

START = 3600 * HOUR

CONFIG = """
[[pools]]
name = "main"
url = "stratum+tcp://127.0.0.1:3333"
user = "u"

[[sites]]
name = "hall-a"
listen = ["tcp:3333"]
sources = ["main"]

[sites.power]
budget_w = 100000
fail_safe_w = 10000

[[sites.fleet]]
workers = "acme.*"
model = "Antminer S21"
tenant = "acme"

[[sites.fleet]]
addresses = "10.7.0.0/16"
model = "Antminer S21"
tenant = "zeta"

[[sites.fleet]]
workers = "own.*"
model = "Antminer S21"
"""

WORKERS = ("acme.1", "own.1", "rack.7")


def a_config(folder: Path) -> Path:
    path = folder / "baseload.toml"
    path.write_text(CONFIG)
    return path


def a_state(folder: Path, *, shares: int = 30, hours: int = 30) -> Config:
    """Return the configuration of a folder with shares a second apart, in order."""
    config = load_config(a_config(folder))
    state = Path(config.proxy.state_dir)
    state.mkdir()
    with closing(open_database(state / "ledger.sqlite3", durability="process")) as db:
        db.executemany(
            "INSERT INTO share VALUES (?, ?, 'hall-a', ?, 'j', 2.0, 'accepted', ?)",
            [(n, START + n, WORKERS[n % 3], f"{n:064x}") for n in range(1, shares + 1)],
        )
        db.executemany(
            "INSERT INTO upstream (id, at, site, pool, worker, job, hash, difficulty)"
            " VALUES (?, ?, 'hall-a', 'main', ?, 'j', 'h', 4.0)",
            [(n, START + n, WORKERS[n % 3]) for n in range(1, shares + 1)],
        )
        for span in ("minute", "hour"):
            db.executemany(
                f"INSERT INTO work_{span} VALUES ('hall-a', ?, ?, 10, 1, 1000.0)",  # noqa: S608
                [
                    (worker, START // (60 if span == "minute" else 3600) + n)
                    for n in range(hours)
                    for worker in WORKERS
                ],
            )
    _add_energy(state / "controller.sqlite3", hours)
    return config


def _add_energy(path: Path, hours: int) -> None:
    store = open_store(path)
    seven = MachineRow("10.7.0.7", "10.7.0.7", "rack.7", is_running=True)
    store.write("hall-a", Effects(machines=[seven]), (), UnixTime(START))
    rows = [
        EnergyRow(
            *(tenant, 60 * (HOUR + n), 1000.0 * part, "meter"),
            budget_wh=None if tenant else 5000.0,
            curtailed_wh=100.0 * part,
            machine_s_down=36.0 * part,
            machine_wh=950.0 * part,
            seconds=3600.0,
            metered_s=0.0 if tenant else 3600.0,
        )
        for n in range(hours)
        for tenant, part in (("", 1.0), ("acme", 0.3), ("zeta", 0.3))
    ]
    store.remember("hall-a", Learned(1.0, 1.0), [], rows)
    store.close()
