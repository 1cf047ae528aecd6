"""`baseload capture` writes what the proxy hands over, until it is over."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from proxy.cli import capture as cli_capture
from proxy.cli.main import main

VIEW = {"id": "secret", "miner": 4, "worker": "rig1"}
ONE = {"at": 1.0, "way": "in", "size": 8, "line": '{"id":1}'}
TWO = {"at": 2.0, "way": "out", "size": 8, "line": '{"id":1}', "missed": 3}


class Proxy:
    """Answers as the admin socket does, and is asked in place of it."""

    def __init__(self, *parts: Any) -> None:
        self.parts = list(parts)
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def call(self, _path: Path, method: str, params: dict[str, Any]) -> Any:
        self.asked.append((method, params))
        if method == "capture.start":
            return dict(VIEW)
        part = self.parts.pop(0)
        if isinstance(part, type):
            raise part
        return part


def part(*messages: Any, more: bool = False, ended: str = "") -> dict[str, Any]:
    return {"messages": list(messages), "more": more, "ended": ended}


def run(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch, *options: str
) -> tuple[int, list[float]]:
    pauses: list[float] = []
    monkeypatch.setattr(cli_capture, "call", proxy.call)
    monkeypatch.setattr(time, "sleep", pauses.append)
    return main(["capture", "rig1", "-s", "sock", *options]), pauses


def test_it_is_json_lines_with_a_head_and_an_end(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "f.jsonl"
    proxy = Proxy(part(ONE, more=True), part(), part(TWO, ended="60 s are over"))

    code, pauses = run(proxy, monkeypatch, "--seconds", "5m", "--out", str(out))

    assert code == 0
    assert [json.loads(line) for line in out.read_text().splitlines()] == [
        {"capture": {"miner": 4, "worker": "rig1"}},
        ONE,
        TWO,
        {"end": "60 s are over", "messages": 2, "missed": 3},
    ]
    assert proxy.asked[0][1] == {"miner": "rig1", "seconds": 300.0, "bytes": 1_000_000}
    assert len(pauses) == 1  # not where there is more at once
    assert out.stat().st_mode & 0o777 == 0o600
    said = capsys.readouterr().out
    assert said == f"2 messages, 3 missed in {out}: 60 s are over\n"


def test_ctrl_c_ends_the_capture_and_the_file_is_whole(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    out = tmp_path / "f.jsonl"
    proxy = Proxy(KeyboardInterrupt, part(ONE, ended="its client ended it"))

    code, _ = run(proxy, monkeypatch, "--out", str(out))

    assert code == 0
    assert proxy.asked[-1] == ("capture.next", {"id": "secret", "end": True})
    assert json.loads(out.read_text().splitlines()[-1])["messages"] == 1


def test_a_file_that_cannot_be_written_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _ = run(Proxy(), monkeypatch, "--out", str(tmp_path / "no" / "f"))

    assert code == 1
    assert "No such file" in capsys.readouterr().err
