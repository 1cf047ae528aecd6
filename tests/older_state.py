"""A state folder and the shipped configurations as commit 125a4f0 wrote them.

`expected.json` says what is in the folder; the process that wrote it was killed.
"""

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).parent / "vectors" / "125a4f0"
EXPECTED: dict[str, Any] = json.loads((VECTORS / "expected.json").read_text("utf-8"))
CONFIGS = sorted(path.name for path in (VECTORS / "configs").iterdir())

_SUMS = (
    "SELECT site, worker, sum(accepted), sum(rejected), sum(work) FROM {table}"
    " GROUP BY 1, 2 ORDER BY 1, 2"
)


def copy_state(folder: Path) -> Path:
    """Return a copy of the state folder, in `folder`, with modes that git drops."""
    state = folder / "state"
    shutil.copytree(VECTORS / "state", state)
    state.chmod(0o700)
    (state / "authority.key").chmod(0o600)
    for path in (*state.glob("*.sqlite3*"), *state.glob("blocks/*")):
        path.chmod(0o644)  # as the umask had it
    return state


def ledger_holds(path: Path) -> dict[str, Any]:
    """Return what the ledger at `path` has of all that `EXPECTED` names."""
    database = sqlite3.connect(path)
    ask = database.execute
    found: dict[str, Any] = {
        "shares": ask("SELECT count(*) FROM share").fetchone()[0],
        "upstream": ask(
            "SELECT pool, verdict, count(*) FROM upstream GROUP BY 1, 2 ORDER BY 1, 2"
        ).fetchall(),
        "block": ask("SELECT hash, verdict FROM block ORDER BY hash").fetchall(),
    }
    for table in ("work_minute", "work_hour", "work_day"):
        rows = ask(_SUMS.format(table=table)).fetchall()
        found[table] = [(*row[:4], float(f"{row[4]:.12g}")) for row in rows]
    database.close()
    return found


def ledger_expected() -> dict[str, Any]:
    """Return what `ledger_holds` says of a ledger that kept everything."""
    sums = [tuple(row) for row in EXPECTED["work_day"]]
    return {
        "shares": EXPECTED["shares"],
        "upstream": [tuple(row) for row in EXPECTED["upstream"]],
        "block": [tuple(row) for row in EXPECTED["block"]],
        "work_minute": sums,
        "work_hour": sums,
        "work_day": sums,
    }
