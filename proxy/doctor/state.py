"""The state folder: its disk, and the databases in it."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from proxy.config import Config
from proxy.doctor.check import Finding, fail, ok, skipped, warn
from proxy.power.journal.database import STORE_FILE, store_kind
from proxy.runtime.database_file import (
    DatabaseFileError,
    DatabaseKind,
    quick_check,
    reading,
    refuse_newer,
    steps_in,
)
from proxy.shares import schema
from proxy.shares.database import LEDGER_FILE

READ_WHOLE = 1_000_000_000
"""A larger database is not read: 1 s a gigabyte, at the best."""

LONG_LOG = 256_000_000
"""Bytes of a write-ahead log that is not cut short."""

SHARE_BYTES = 132
LEAST_FREE = 500_000_000
REMOTE = ("nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "ceph", "glusterfs")
"""Filesystems on which SQLite's locks, or its shared memory, do not work."""

RECOVER = "put a backup back, or start once with `baseload run --recover`"


def folder(config: Config) -> Iterator[Finding]:
    """Look whether the folder can be written, and on what it is."""
    state = Path(config.proxy.state_dir)
    name = "state folder"
    there = next(f for f in (state, *state.absolute().parents) if f.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        yield fail(
            name, f"{there} may not be written by this user", "run it as its own"
        )
        return
    kind = filesystem(there.resolve())
    if kind in REMOTE:
        remedy = "put state_dir on a disk of this machine"
        yield fail(name, f"{state} is on {kind}, where SQLite loses data", remedy)
    else:
        yield ok(name, f"{state} on {kind}")
    yield _room(config, there)


def _room(config: Config, there: Path) -> Finding:
    free = shutil.disk_usage(there).free
    ledger = Path(config.proxy.state_dir) / LEDGER_FILE
    rate, size = _shares_a_second(ledger), _size(ledger)
    keeps = config.proxy.ledger
    wanted = min(keeps.max_bytes, 1.5 * SHARE_BYTES * rate * keeps.keep_shares_s)
    needed = max(LEAST_FREE, wanted - size)
    seen = f"{free / 1e9:,.1f} GB free; the ledger may grow by {needed / 1e9:,.1f} GB"
    if free < needed:
        remedy = "free some, or lower keep_shares_s or max_bytes in [proxy.ledger]"
        return (fail if free < LEAST_FREE else warn)("disk", seen, remedy)
    return ok("disk", seen)


def _shares_a_second(ledger: Path) -> float:
    """Return the rate of the newest shares; 0 where there are none to be read."""
    sql = "SELECT id, at FROM share ORDER BY id DESC LIMIT 1"
    if not ledger.exists():
        return 0.0
    try:
        with closing(reading(ledger)) as db:
            newest = db.execute(sql).fetchone()
            if newest is None:
                return 0.0
            before = "SELECT id, at FROM share WHERE id >= ? ORDER BY id LIMIT 1"
            older = db.execute(before, (newest[0] - 10_000,)).fetchone()
    except sqlite3.Error:
        return 0.0
    return float((newest[0] - older[0]) / max(1.0, newest[1] - older[1]))


def databases(config: Config) -> Iterator[Finding]:
    """Look whether the databases are whole, known, and checkpointed."""
    state = Path(config.proxy.state_dir)
    ledger = DatabaseKind("ledger", steps_in(schema))
    for name, file, kind in (
        ("ledger", LEDGER_FILE, ledger),
        ("controller's database", STORE_FILE, store_kind()),
    ):
        yield from _database(name, state / file, kind)


def _database(name: str, path: Path, kind: DatabaseKind) -> Iterator[Finding]:
    if not path.exists():
        yield skipped(name, "there is none yet")
        return
    size = _size(path)
    try:
        refuse_newer(path, kind)
        if size <= READ_WHOLE:
            with closing(reading(path)) as db:
                quick_check(db, path)
    except (DatabaseFileError, sqlite3.Error) as error:
        yield fail(name, str(error), RECOVER)
        return
    how = "whole" if size <= READ_WHOLE else "too large to be read whole now"
    log = _size(path.with_name(path.name + "-wal"))
    if log > LONG_LOG:
        seen = f"its write-ahead log has {log / 1e6:,.0f} MB"
        yield warn(name, seen, "end what reads it for long, or look at the disk")
    else:
        yield ok(name, f"{size / 1e6:,.1f} MB, {how}")


def known_machines(config: Config) -> list[tuple[str, str, str]]:
    """Return site, worker and address of machines that were seen; none: unknown."""
    path = Path(config.proxy.state_dir) / STORE_FILE
    if not path.exists():
        return []
    try:
        with closing(reading(path)) as db:
            return db.execute("SELECT site, worker, address FROM machine").fetchall()
    except sqlite3.Error:
        return []


def filesystem(path: Path, mounts: Path = Path("/proc/self/mounts")) -> str:
    """Return the kind of filesystem that `path` is on."""
    best = ("", "unknown")
    for line in mounts.read_text("utf-8", "replace").splitlines():
        _, where, kind, *_ = line.split()
        where = where.replace("\\040", " ")
        if path.is_relative_to(where) and len(where) >= len(best[0]):
            best = (where, kind)
    return best[1]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
