"""A tenant is shown its own values, and can prove them; the log names nobody."""

import os
from pathlib import Path

import msgspec
import pytest

from protocol.tlog.disclosure import hidden
from proxy.cli.main import main
from proxy.power.journal.chain import Event
from proxy.power.journal.effects import Effects
from proxy.verifier.report import Report
from tests.oversight_logs import AT, SIGNER, Plant

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
SUMS = {"n": 3, "d": 1e9, "d2": 1e15, "stale": 0, "parked": 0.0}


def minute(number: int, *tenants: str) -> Event:
    made = [hidden(bytes([number]) * 16, name, SUMS) for name in tenants]
    begin = int(AT) + 60 * number
    body = {"from": begin, "site": SUMS, "_sd": [one.digest for one in made]}
    kept = tuple((one.name, one.text) for one in made)
    return Event(float(begin), "hall-a", "shares", "a minute", body, kept)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Return the configuration of a site that was published."""
    plant = Plant(tmp_path)
    events = [minute(n, "acme", "other") for n in range(5)]
    plant.store.write("hall-a", Effects(events=events), (), AT)
    plant.publish(plant.writer())
    plant.close()
    (tmp_path / "c.toml").write_text(CONFIG)
    return tmp_path / "c.toml"


def verified(
    site: Path, openings: Path, capsys: pytest.CaptureFixture[str]
) -> tuple[int, Report]:
    capsys.readouterr()
    folder, key = str(site.parent / "log"), SIGNER.key.text
    words = ["verify", folder, "--key", key, "--openings", str(openings), "--json"]
    status = main(words)
    return status, msgspec.json.decode(capsys.readouterr().out, type=Report)


def test_a_tenant_proves_its_shares_and_no_other_is_named(
    site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "acme.openings"
    words = ["log", "disclose", "-c", str(site), "--tenant", "acme", "-o", str(out)]
    assert main(words) == 0
    assert "opens 5 values of acme" in capsys.readouterr().out

    status, report = verified(site, out, capsys)

    assert status == 0
    assert list(report.tenants) == ["acme"]
    assert report.tenants["acme"].shares == 15
    assert report.tenants["acme"].terahashes == pytest.approx(5e9 * 2**32 / 1e12)
    files = [p.read_bytes() for p in (site.parent / "log").rglob("*") if p.is_file()]
    assert not any(b"acme" in data or b"other" in data for data in files)


def test_a_value_that_is_not_the_logs_is_found(
    site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forged = hidden(bytes(16), "acme", {**SUMS, "n": 900})
    out = tmp_path / "forged"
    out.write_text(f"1 {forged.text}\n77 {forged.text}\n2 nonsense\n")

    status, report = verified(site, out, capsys)

    texts = [f.text for f in report.findings]
    assert status == 1
    assert any("not the one of acme in the log" in text for text in texts)
    assert any("1 values were shown of rows that are not here" in t for t in texts)
    assert any("no opening" in text for text in texts)
    assert report.tenants == {}


def test_a_file_of_something_else_is_refused(
    site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x").write_text("hello\n")
    folder = str(site.parent / "log")

    assert main(["verify", folder, "--openings", str(tmp_path / "x")]) == 2
    assert "line 1" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--openings", "--meter"])
def test_a_pipe_is_not_waited_for(
    site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    folder, key = str(site.parent / "log"), SIGNER.key.text

    assert main(["verify", folder, "--key", key, option, str(pipe)]) == 2
    told = capsys.readouterr().err
    assert told == f"baseload: {option} {pipe}: not a regular file\n"


def test_what_was_erased_is_shown_no_more_and_the_log_stays(
    site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plant = Plant(site.parent)
    plant.store._db.execute("DELETE FROM opening WHERE tenant = 'acme'")
    plant.close()
    out = tmp_path / "acme.openings"

    words = ["log", "disclose", "-c", str(site), "--tenant", "acme", "-o", str(out)]
    assert main(words) == 0

    status, report = verified(site, out, capsys)
    assert status == 0
    assert report.tenants == {}
