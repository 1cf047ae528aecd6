"""Killed at any moment while it publishes, a log has one history."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

from protocol.tlog.checkpoint import checkpoint_of
from proxy.verifier.signatures import Trusted
from proxy.verifier.verify import Wanted, verify
from tests.oversight_logs import SIGNER, Plant, root_of

KILLS = 25 if os.environ.get("LONG", "0") != "0" else 6
"""A start of Python each."""

ROOT = Path(__file__).parents[2]


def test_killed_often_while_it_publishes_it_has_one_history(
    tmp_path: Path,
) -> None:
    chance = random.Random(25)  # noqa: S311
    signed: list[tuple[int, bytes]] = []
    for _ in range(KILLS):
        _run_and_kill(tmp_path, chance.uniform(0.0, 0.25))
        note = Plant(tmp_path).folder.checkpoint()
        if note is not None:
            point = checkpoint_of(note.text)
            signed.append((point.size, point.root))

    plant = Plant(tmp_path)
    plant.publish(plant.writer())
    leaves = plant.leaves()
    plant.close()

    assert len({size for size, _ in signed}) > KILLS // 2
    assert signed == sorted(signed, key=lambda one: one[0])
    assert all(root == root_of(leaves[:size]) for size, root in signed)
    report = verify(Wanted(tmp_path / "log", Trusted((SIGNER.key,)))).report
    assert report.is_clean, report.findings
    assert report.size == len(leaves)


def _run_and_kill(state: Path, after: float) -> None:
    child = subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "tests.oversight_child", str(state)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"runs\n"
    time.sleep(after)  # any moment will do
    child.kill()
    child.wait()
    child.stdout.close()
