"""The code for other processors gives the same verdicts: run under an emulator."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = ROOT / "proxy" / "engine"
LOAD = ROOT / "proxy" / "bench" / "native"
HARNESSES = ROOT / "tests" / "fuzz" / "native"
SOURCES = [
    HARNESSES / "print_hashes.c",
    *(CODE / "core" / f"{part}.c" for part in ("submit", "seen", "share", "sha256")),
]
CROSS, EMULATOR = "aarch64-linux-gnu-gcc", "qemu-aarch64"
NEEDS_EMULATOR = pytest.mark.skipif(
    not (shutil.which(CROSS) and shutil.which(EMULATOR))
    and os.environ.get("BASELOAD_REQUIRE_NATIVE") != "1",
    reason=f"needs {CROSS} and {EMULATOR}",
)
STRICT = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread"]
LIBRARIES = "/usr/aarch64-linux-gnu"


def verdicts(compiler: str, folder: Path, *run: str, code: str = "") -> tuple[str, str]:
    """Return the code that hashed and what it printed."""
    binary = folder / "print_hashes"
    flags = [
        "-std=c11",
        "-O2",
        "-static",
        f"-I{CODE / 'core'}",
        f"-I{CODE / 'loop'}",
        "-o",
        str(binary),
    ]
    subprocess.run([compiler, *flags, *SOURCES], check=True)  # noqa: S603
    words = [*run, str(binary), *([code] if code else [])]
    done = subprocess.run(words, check=True, capture_output=True, text=True)  # noqa: S603
    return done.stderr.strip(), done.stdout


@pytest.mark.integration
@pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc")
def test_the_processors_own_code_judges_as_the_portable_one(tmp_path: Path) -> None:
    _, plain = verdicts("gcc", tmp_path, code="portable")
    _, best = verdicts("gcc", tmp_path)

    assert plain.count("\n") == 256
    assert best == plain


@pytest.mark.integration
@NEEDS_EMULATOR
@pytest.mark.parametrize("code", ["armv8", "portable"])
def test_arm_judges_as_this_machine_does(code: str, tmp_path: Path) -> None:
    _, here = verdicts("gcc", tmp_path)
    name, there = verdicts(CROSS, tmp_path, EMULATOR, code=code)

    assert name == code
    assert there == here


def output_of(*command: str | Path, folder: Path) -> str:
    done = subprocess.run(  # noqa: S603
        command, check=True, cwd=folder, capture_output=True, text=True
    )
    return done.stdout


@pytest.mark.integration
@NEEDS_EMULATOR
def test_the_whole_engine_runs_on_arm(tmp_path: Path) -> None:
    parts = [HARNESSES / "race.c", *sorted(CODE.glob("*/*.c"))]
    flags = [*STRICT, f"-I{CODE / 'core'}", f"-I{CODE / 'loop'}", "-o", "race"]
    output_of(CROSS, *flags, *parts, "-lm", "-ldl", folder=tmp_path)

    printed = output_of(EMULATOR, "-L", LIBRARIES, "race", folder=tmp_path)

    # as test_native_threads has it: 16 miners send the same 2000 shares
    assert printed.split() == ["2000", "30000", "2000"]


@pytest.mark.integration
@NEEDS_EMULATOR
def test_the_load_generator_builds_for_arm(tmp_path: Path) -> None:
    parts = sorted(LOAD.glob("*.c"))

    output_of(
        CROSS, *STRICT, "-I", CODE / "core", "-I", LOAD, "-c", *parts, folder=tmp_path
    )

    assert len(list(tmp_path.glob("*.o"))) == len(parts) > 0
