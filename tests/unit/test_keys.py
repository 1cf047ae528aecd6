"""`baseload keys` makes a key once and prints its public part."""

import json
import stat
from pathlib import Path

import pytest

from protocol.noise.authority import AuthorityKey
from proxy.cli.main import main

CONFIG = """
[proxy]
state_dir = "state"
[[pools]]
name = "main"
url = "stratum+tcp://pool.example:3333"
user = "x"
[[sites]]
name = "hall-a"
listen = ["tcp:3333"]
sources = ["main"]
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "baseload.toml"
    path.write_text(CONFIG, "utf-8")
    return path


def test_the_key_is_made_once(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "-c", str(config), "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert main(["keys", "-c", str(config), "--json"]) == 0
    second = json.loads(capsys.readouterr().out)

    file = config.parent / "state" / "authority.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert first == {**second, "created": True}
    assert second["created"] is False
    keys = [AuthorityKey.from_text(second[n]) for n in ("authority_key", "bare_key")]
    assert keys[0] == keys[1]


def test_the_secret_part_is_not_printed(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["keys", "-c", str(config)]) == 0

    printed = capsys.readouterr().out
    secret = (config.parent / "state" / "authority.key").read_text("ascii").strip()
    assert secret not in printed
    assert len(printed.splitlines()) == 3


def test_a_key_that_cannot_be_used_is_one_line_of_error(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["keys", "-c", str(config)])
    (config.parent / "state" / "authority.key").chmod(0o644)
    capsys.readouterr()

    assert main(["keys", "-c", str(config)]) == 1
    error = capsys.readouterr().err
    assert error.endswith("authority.key: mode 644, wanted 600\n")
