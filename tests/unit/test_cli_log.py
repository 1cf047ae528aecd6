"""`baseload log` proves a row from files alone; `keys log` prints the key."""

from pathlib import Path

import msgspec
import pytest

from protocol.tlog.note import VerifierKey
from protocol.tlog.proof import proof_of
from proxy.cli.main import main
from tests.oversight_logs import Plant

CONFIG = """
[proxy]
state_dir = "."
[proxy.transparency]
origin = "plant.example/hall-a/log/1"
[[pools]]
name = "main"
url = "stratum+tcp://127.0.0.1:1"
user = "x"
[[sites]]
name = "hall-a"
listen = ["tcp:0"]
sources = ["main"]
"""


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "c.toml"
    path.write_text(CONFIG)
    return str(path)


def test_a_row_is_proven_by_two_files(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plant = Plant(tmp_path)
    plant.write(300)
    plant.publish(plant.writer())
    plant.close()

    out = str(tmp_path)
    assert main(["log", "proof", "7", "-c", config, "-o", out, "--json"]) == 0

    view = msgspec.json.decode(capsys.readouterr().out)
    proof = proof_of(Path(view["proof"]).read_bytes())
    leaf = Path(view["leaf"]).read_bytes()
    proof.check(leaf)
    assert leaf.startswith(b"[7,")
    assert proof.index == view["index"] == 6


def test_a_row_that_was_not_published_is_not_proven(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["log", "proof", "7", "-c", config]) == 1
    assert "no checkpoint was signed yet" in capsys.readouterr().err
    plant = Plant(tmp_path)
    plant.write(6)
    plant.publish(plant.writer())
    plant.close()

    assert main(["log", "proof", "7", "-c", config]) == 1

    assert "row 7 is not among the 6" in capsys.readouterr().err


def test_a_file_of_the_log_that_is_missing_is_named(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plant = Plant(tmp_path)
    plant.write(6)
    plant.publish(plant.writer())
    plant.close()
    (tmp_path / "log/tile/0/000.p/6").unlink()

    assert main(["log", "proof", "3", "-c", config]) == 1

    assert "tile/0/000.p/6 is missing" in capsys.readouterr().err


def test_the_key_of_the_log_is_made_once_and_printed(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["keys", "log", "-c", config]) == 0
    first = capsys.readouterr().out
    assert main(["keys", "log", "-c", config, "--json"]) == 0

    (vkey,) = msgspec.json.decode(capsys.readouterr().out)["vkeys"]
    assert first == f"{vkey}\n"
    assert VerifierKey.from_text(vkey).name == "plant.example/hall-a/log/1"
    (tmp_path / "log.key").chmod(0o644)
    assert main(["keys", "log", "-c", config]) == 1
    assert "mode 644" in capsys.readouterr().err


def test_there_is_no_key_of_a_log_that_is_not_published(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path(config)
    path.write_text(CONFIG.replace("[proxy.transparency]\norigin", "#"))

    assert main(["keys", "log", "-c", config]) == 1

    assert "baseload help log" in capsys.readouterr().err
