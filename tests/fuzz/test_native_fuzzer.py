"""A short run of the coverage-guided fuzzers, with sanitizers, over the C code.

Longer: build as the head of each harness says and run it with -max_total_time.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "native"
CODE = Path(__file__).parents[2] / "proxy" / "downstream" / "native"
SECONDS = 5
SEEDS = [
    b'\x10{"id":4,"method":"mining.submit","params":["w","1","00000000","6553f100","0"]}',
    (
        b'\x37{"params": ["w", "a", "00000000", "6553f100", "0", "1fffe000"],'
        b' "id": "x", "method": "mining.submit"}'
    ),
]
TALK = b"".join(
    b"\x0f" + seed[1:] + b"\n\x00\x10" + seed[1:] + b"\n\x00" for seed in SEEDS
)
CLANG = shutil.which("clang")


@pytest.mark.skipif(
    CLANG is None and os.environ.get("BASELOAD_REQUIRE_NATIVE") != "1",
    reason="needs clang",
)
@pytest.mark.integration
@pytest.mark.parametrize("harness", ["fuzz_share", "fuzz_wire"])
def test_no_line_breaks_the_code_in_c(harness: str, tmp_path: Path) -> None:
    binary, corpus = tmp_path / harness, tmp_path / "corpus"
    corpus.mkdir()
    for number, seed in enumerate([*SEEDS, TALK]):
        (corpus / str(number)).write_bytes(seed)
    sources = [HERE / f"{harness}.c", *sorted(CODE.glob("*.c"))]
    flags = ["-g", "-O1", "-fsanitize=fuzzer,address,undefined", "-I", str(CODE)]
    subprocess.run(  # noqa: S603
        ["clang", *flags, "-fno-sanitize-recover=all", *sources, "-o", binary],  # noqa: S607
        check=True,
    )

    run = subprocess.run(  # noqa: S603
        [
            binary,
            f"-max_total_time={SECONDS}",
            "-seed=1",
            f"-dict={HERE}/submit.dict",
            f"-artifact_prefix={tmp_path}/",
            "-print_final_stats=1",
            corpus,
        ],
        check=False,
        capture_output=True,
        text=True,
    )

    assert run.returncode == 0, run.stderr[-2000:]
