"""`backup`, `export` and `statement` from the command line."""

from pathlib import Path

import msgspec
import pytest

from proxy.cli.main import main
from proxy.cli.records import moment
from tests.unit.records.state import START, a_state


@pytest.fixture
def config(tmp_path: Path) -> str:
    a_state(tmp_path)
    return str(tmp_path / "baseload.toml")


def test_a_backup_is_made_and_checked(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(tmp_path / "copies" / "monday")

    assert main(["backup", folder, "-c", config]) == 0
    assert "each read whole" in capsys.readouterr().out
    assert main(["backup", "--check", folder, "--json"]) == 0
    assert msgspec.json.decode(capsys.readouterr().out)["has_shares"] is True
    assert main(["backup", folder, "-c", config]) == 1
    assert "is there already" in capsys.readouterr().err
    assert main(["backup", folder]) == 1


def test_an_export_goes_to_standard_output_and_its_sum_beside_it(
    config: str, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["export", "shares", "-c", config, "--tenant", "acme"]) == 0

    out, err = capfdbinary.readouterr()
    assert out.splitlines()[0].startswith(b"id,at,site,worker,tenant")
    assert msgspec.json.decode(err)["rows"] == 10
    assert msgspec.json.decode(err)["bytes"] == len(out)
    assert main(["export", "shares", "-c", config, "--json"]) == 0
    *rows, summary = capfdbinary.readouterr().out.splitlines()
    assert len(rows) == msgspec.json.decode(summary)["rows"] == 30


def test_an_export_to_a_file_is_there_when_it_is_whole(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "e.jsonl"
    words = ["export", "energy", "-c", config, "--format", "jsonl", "-o", str(path)]

    assert main([*words, "--by", "day"]) == 1
    assert "energy is kept by minute and hour" in capsys.readouterr().err
    assert not path.exists()
    assert main(words) == 0
    assert len(path.read_bytes().splitlines()) == 90


def test_a_statement_is_printed(
    config: str, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["statement", "2026-01", "-c", config, "--format", "html"]) == 0
    assert capfdbinary.readouterr().out.startswith(b"<!doctype html>")
    assert main(["statement", "2026-01", "-c", config, "--json"]) == 0
    assert len(msgspec.json.decode(capfdbinary.readouterr().out)) == 3 * 31
    assert main(["statement", "2026-01", "-c", config, "--tenant", "x"]) == 1
    assert b"no tenant 'x'" in capfdbinary.readouterr().err


@pytest.mark.parametrize(
    "text", ["2026-01-01", "2026-01-01T01:00+01:00", str(START), "2026-01-01T00:00Z"]
)
def test_a_time_is_written_as_people_do(text: str) -> None:
    assert moment(text) == START
