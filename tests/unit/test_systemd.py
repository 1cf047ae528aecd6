"""configs/systemd: units that systemd takes, and that fit what they start.

systemd itself is not run: it looks at the files.
"""

import shlex
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

from proxy.cli.main import _parser

UNITS = Path(__file__).parents[2] / "configs" / "systemd"
ANALYZE = shutil.which("systemd-analyze") or ""
MAX_EXPOSURE = 20
"""In tenths: 2.0 of 10, where a unit without any sandbox has 9.6."""

needs_systemd = pytest.mark.skipif(not ANALYZE, reason="no systemd-analyze")


class Unit(ConfigParser):
    """A unit file; of a key that is repeated the first and last values do here."""

    def __init__(self, name: str) -> None:
        super().__init__(strict=False, interpolation=None, delimiters=("=",))
        self.optionxform = str  # type: ignore[assignment,method-assign]  # as documented
        self.read(UNITS / name)


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        [ANALYZE, *arguments], capture_output=True, text=True, check=False
    )


def installed(folder: Path) -> list[str]:
    """Return copies of the units whose program is where this environment has it."""
    ours = str(Path(sys.executable).parent / "baseload")
    for unit in UNITS.iterdir():
        text = unit.read_text().replace("/opt/baseload/bin/baseload", ours)
        (folder / unit.name).write_text(text)
    return [str(folder / unit.name) for unit in UNITS.iterdir()]


@needs_systemd
def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    verified = analyze("verify", "--man=no", *installed(tmp_path))

    assert (verified.returncode, verified.stderr) == (0, "")


@needs_systemd
def test_the_sandbox_leaves_little(tmp_path: Path) -> None:
    looked_at = analyze(
        "security",
        "--offline=true",
        f"--threshold={MAX_EXPOSURE}",
        str(UNITS / "baseload.service"),
    )

    assert looked_at.returncode == 0, looked_at.stdout[-200:] + looked_at.stderr


@pytest.mark.parametrize("key", ["ExecStart", "ExecReload"])
def test_what_it_executes_is_a_command_of_ours(key: str) -> None:
    program, *words = shlex.split(Unit("baseload.service")["Service"][key])
    taken = _parser(words).parse_args(words)

    assert program == "/opt/baseload/bin/baseload"
    assert taken.config == Path("/etc/baseload/baseload.toml")


def test_the_socket_hands_over_the_hall_that_its_comment_names() -> None:
    socket = Unit("baseload.socket")["Socket"]
    text = (UNITS / "baseload.socket").read_text()

    assert f"systemd:domain=INET:name={socket['FileDescriptorName']}" in text
