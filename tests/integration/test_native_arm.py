"""The code for other processors gives the same verdicts: run under an emulator."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = ROOT / "proxy" / "downstream" / "native"
SOURCES = [
    ROOT / "tests" / "fuzz" / "native" / "print_hashes.c",
    *(CODE / f"{part}.c" for part in ("submit", "seen", "share", "sha256")),
]
CROSS, EMULATOR = "aarch64-linux-gnu-gcc", "qemu-aarch64"
CAN_EMULATE = shutil.which(CROSS) and shutil.which(EMULATOR)


def verdicts(compiler: str, folder: Path, *run: str, code: str = "") -> tuple[str, str]:
    """Return the code that hashed and what it printed."""
    binary = folder / "print_hashes"
    flags = ["-std=c11", "-O2", "-static", "-I", str(CODE), "-o", str(binary)]
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
@pytest.mark.skipif(not CAN_EMULATE, reason=f"needs {CROSS} and {EMULATOR}")
@pytest.mark.parametrize("code", ["armv8", "portable"])
def test_arm_judges_as_this_machine_does(code: str, tmp_path: Path) -> None:
    _, here = verdicts("gcc", tmp_path)
    name, there = verdicts(CROSS, tmp_path, EMULATOR, code=code)

    assert name == code
    assert there == here
