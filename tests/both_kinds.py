"""A site with as many miners of either version of Stratum, run for some seconds."""

import json
import subprocess
import sys
from typing import Any

MINERS = 10  # of each; the thousand is `python -m tests.bench.both_kinds`
START = 2e-9
"""Difficulty that they begin with."""


def kinds_alike(seconds: int) -> dict[str, Any]:
    """Run it; return what each kind came to, once all that no speed decides holds."""
    command = [sys.executable, "-m", "tests.bench.both_kinds", "--miners", str(MINERS)]
    run = subprocess.run(  # noqa: S603
        [*command, "--seconds", str(seconds), "--start", str(START)],
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(run.stdout.splitlines()[-1])
    kinds: dict[str, Any] = found["miners"]

    shown = {name: kind["shown"] for name, kind in kinds.items()}
    assert shown == {"sv1": MINERS, "sv2": MINERS}
    assert found["granted_w"] <= found["order_w"]
    assert min(found["parked"]["sv1"], found["parked"]["sv2"]) > 0
    assert found["breaches"] == []
    assert set(found["rejected"]) <= {"stale"}
    assert found["lost"] == {}
    return kinds
