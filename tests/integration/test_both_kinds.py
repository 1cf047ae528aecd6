"""A site with as many miners of either version of Stratum: one budget, one vardiff."""

import json
import subprocess
import sys

import pytest

MINERS = 10  # of each; the thousand is `python -m tests.bench.both_kinds`


@pytest.mark.integration
def test_both_kinds_are_shown_retargeted_and_parked_alike() -> None:
    command = [sys.executable, "-m", "tests.bench.both_kinds", "--miners", str(MINERS)]
    run = subprocess.run(  # noqa: S603
        [*command, "--seconds", "8", "--start", "2e-9"],
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(run.stdout.splitlines()[-1])
    kinds = found["miners"]

    assert {name: kind["shown"] for name, kind in kinds.items()} == {
        "sv1": MINERS,
        "sv2": MINERS,
    }
    assert min(kind["difficulty"] for kind in kinds.values()) > 2e-9
    assert found["granted_w"] <= found["order_w"]
    assert min(found["parked"]["sv1"], found["parked"]["sv2"]) > 0
    assert found["breaches"] == []
    assert set(found["rejected"]) <= {"stale"}
    assert found["lost"] == {}
