"""Machines in the controller's database, and the limits that they were found with."""

import sqlite3

from protocol.units import UnixTime, Watts
from proxy.power.journal.effects import Effects
from proxy.power.machines.known import MAX_LIMITS
from proxy.power.machines.machine import Saved

_INSERT = """INSERT INTO machine
    (site, key, address, worker, is_running, at, found_w, identity)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (site, key) DO UPDATE SET
    address = excluded.address, worker = excluded.worker,
    is_running = excluded.is_running, at = excluded.at,
    found_w = excluded.found_w, identity = excluded.identity"""

_SELECT = """SELECT key, address, worker, is_running, at, debt_h, cycles, found_w,
    identity FROM machine WHERE site = ?"""


def save_machines(
    db: sqlite3.Connection, site: str, effects: Effects, at: UnixTime
) -> None:
    """Write the machines that changed, and delete those that were forgotten."""
    rows = effects.machines
    db.executemany(
        _INSERT,
        [
            (site, m.key, m.address, m.worker, m.is_running, at, m.found_w, m.identity)
            for m in rows
        ],
    )
    delete = "DELETE FROM machine WHERE site = ? AND key = ?"
    db.executemany(delete, [(site, key) for key in effects.forgotten])
    db.executemany(
        "INSERT OR REPLACE INTO found_limit VALUES (?, ?, ?, ?)",
        [(site, one.identity, one.watts, at) for one in effects.found],
    )


def kept_machines(db: sqlite3.Connection, site: str, at: UnixTime) -> tuple[Saved, ...]:
    """Return the machines of a site as they were last told to run or not."""
    return tuple(
        Saved(key, address, worker, bool(runs), max(0.0, at - then), *more)
        for key, address, worker, runs, then, *more in db.execute(_SELECT, (site,))
    )


def found_limits(db: sqlite3.Connection, site: str) -> dict[str, Watts]:
    """Return what machines were found with, by identity; beyond a limit the newest.

    The others are deleted.
    """
    select = "SELECT identity, watts FROM found_limit WHERE site = ? ORDER BY at"
    rows = db.execute(select, (site,)).fetchall()
    over = max(0, len(rows) - MAX_LIMITS)
    delete = "DELETE FROM found_limit WHERE site = ? AND identity = ?"
    db.executemany(delete, [(site, identity) for identity, _ in rows[:over]])
    return {identity: Watts(watts) for identity, watts in rows[over:]}
