"""A short run of the coverage-guided fuzzers, with sanitizers, over the C code.

Longer: build as the head of each harness says and run it with -max_total_time.
"""

import os
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "native"
PROXY = Path(__file__).parents[2] / "proxy"
ENGINE = PROXY / "engine"
LOAD = PROXY / "bench" / "native"
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
HELLO = (
    b'{"id":1,"result":[[["mining.notify","1"]],"00000001",4],"error":null}\n'
    b'{"id":2,"result":true,"error":null}\n\0'
    b'{"id":null,"method":"mining.set_difficulty","params":[1e-9]}\n'
)
NOTIFY = (
    b'{"id":null,"method":"mining.notify","params":["1","' + b"00" * 32 + b'","0100",'
    b'"00",["' + b"00" * 32 + b'"],"20000000","1d00ffff","6553f100",true]}\n\0'
)
SERVED = HELLO + NOTIFY + b'{"id":16,"result":null,"error":[23,"low",null]}\n'


def a_command(number: int, payload: bytes) -> bytes:
    return bytes([number]) + struct.pack("<H", len(payload)) + payload


def a_sealed_share(channel: int, nonce: int, rolled: bytes = b"") -> bytes:
    """Return the command that lets a peer seal and send a share."""
    fields = channel, 1, 1, nonce, 0x6553F100, 0x20000000
    is_standard = 64 if channel == 3 else 0
    return a_command(28 | is_standard, struct.pack("<6I", *fields) + rolled)


FRAMES = b"".join(
    a_sealed_share(2, nonce, b"\2\0\0")
    + a_sealed_share(3, nonce)
    + a_sealed_share(4, nonce, b"\4" + bytes(4))
    for nonce in range(4)
)
HARNESSES = {
    "fuzz_frames": ([FRAMES], "frames.dict", [*ENGINE.glob("*/*.c")]),
    "fuzz_share": ([*SEEDS, TALK], "submit.dict", [*ENGINE.glob("*/*.c")]),
    "fuzz_wire": ([*SEEDS, TALK], "submit.dict", [*ENGINE.glob("*/*.c")]),
    "fuzz_load": (
        [SERVED],
        "server.dict",
        [*LOAD.glob("*.c"), ENGINE / "core" / "sha256.c"],
    ),
}
CLANG = shutil.which("clang")


@pytest.mark.skipif(
    CLANG is None and os.environ.get("BASELOAD_REQUIRE_NATIVE") != "1",
    reason="needs clang",
)
@pytest.mark.integration
@pytest.mark.parametrize("harness", HARNESSES)
def test_no_bytes_break_the_code_in_c(harness: str, tmp_path: Path) -> None:
    binary, corpus = tmp_path / harness, tmp_path / "corpus"
    corpus.mkdir()
    seeds, words, parts = HARNESSES[harness]
    for number, seed in enumerate(seeds):
        (corpus / str(number)).write_bytes(seed)
    sources = [HERE / f"{harness}.c", *sorted(parts)]
    flags = ["-g", "-O1", "-fsanitize=fuzzer,address,undefined"]
    flags += [
        f"-I{LOAD}",
        f"-I{ENGINE / 'core'}",
        f"-I{ENGINE / 'loop'}",
        "-fno-sanitize-recover=all",
        "-ldl",
    ]
    subprocess.run(  # noqa: S603
        ["clang", *flags, *sources, "-o", binary],  # noqa: S607
        check=True,
    )

    run = subprocess.run(  # noqa: S603
        [
            binary,
            f"-max_total_time={SECONDS}",
            "-seed=1",
            f"-dict={HERE / words}",
            f"-artifact_prefix={tmp_path}/",
            "-print_final_stats=1",
            corpus,
        ],
        check=False,
        capture_output=True,
        text=True,
    )

    assert run.returncode == 0, run.stderr[-2000:]
