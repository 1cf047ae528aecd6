"""Lanes that judge at the same time: no race, and no share counted twice."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

HARNESS = Path(__file__).parent / "native" / "race.c"
CODE = Path(__file__).parents[2] / "proxy" / "engine"
MINERS, SHARES = 16, 2000


@pytest.mark.skipif(
    shutil.which("clang") is None and os.environ.get("BASELOAD_REQUIRE_NATIVE") != "1",
    reason="needs clang",
)
@pytest.mark.integration
def test_a_share_that_several_lanes_see_is_accepted_once(tmp_path: Path) -> None:
    binary = tmp_path / "race"
    sources = [HARNESS, *sorted(CODE.glob("*/*.c"))]
    flags = [
        "-g",
        "-O1",
        "-fsanitize=thread",
        f"-I{CODE / 'core'}",
        f"-I{CODE / 'loop'}",
        "-lm",
    ]
    subprocess.run(["clang", *flags, *sources, "-o", binary], check=True)  # noqa: S603, S607

    run = subprocess.run([binary], check=False, capture_output=True, text=True)  # noqa: S603

    assert run.returncode == 0, run.stderr[-3000:]
    assert run.stdout.split() == [str(SHARES), str((MINERS - 1) * SHARES), str(SHARES)]
