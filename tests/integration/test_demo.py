"""`baseload demo` as a process: what it prints, how it ends, what it leaves."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proxy.demo.hall import contract_of, kinds_of
from tests.fakes.terminal import CTRL_C, Terminal
from tests.support import PATIENCE

pytestmark = pytest.mark.integration

DEMO = [sys.executable, "-m", "proxy.cli", "demo", "--miners", "20", "--story", "slow"]
HIDE_CURSOR, SHOW_CURSOR = b"\x1b[?25l", b"\x1b[?25h"
OTHER_SCREEN, FIRST_SCREEN = b"\x1b[?1049h", b"\x1b[?1049l"


def environment(folder: Path) -> dict[str, str]:
    """Return one in which every temporary file is in `folder`."""
    return os.environ | {"TMPDIR": str(folder), "TERM": "xterm-256color"}


def start(folder: Path, *options: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(  # noqa: S603
        [*DEMO, *options],
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: "subprocess.Popen[str]") -> tuple[list[str], str]:
    """Return the lines that it still wrote, and what it wrote to standard error."""
    out, err = process.communicate(timeout=PATIENCE)
    return out.splitlines(), err


def next_event(process: "subprocess.Popen[str]") -> Any:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


def wait_for(
    process: "subprocess.Popen[str]", holds: Callable[[dict[str, Any]], bool]
) -> None:
    """Read its status, which it prints each second, until that `holds`."""
    deadline = time.monotonic() + PATIENCE
    while not holds(event := next_event(process)):
        assert time.monotonic() < deadline, event


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_with_a_summary_and_nothing_left(
    number: signal.Signals, short_path: Path
) -> None:
    process = start(short_path, "--json")
    wait_for(process, lambda event: event["miners"] > 0)
    assert list(short_path.iterdir())
    process.send_signal(number)
    lines, err = finish(process)

    assert (process.returncode, err) == (0, "")
    summary = json.loads(lines[-1])
    assert summary["event"] == "summary"
    assert 0 < summary["miners"] <= 20
    assert list(short_path.iterdir()) == []


def test_ctrl_c_while_it_starts_ends_it_as_clean(short_path: Path) -> None:
    process = start(short_path, "--json")
    while not list(short_path.iterdir()):  # its first trace: it is in the midst of it
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    lines, err = finish(process)

    assert (process.returncode, err) == (0, "")
    assert json.loads(lines[-1])["event"] == "summary"
    assert list(short_path.iterdir()) == []


@pytest.mark.parametrize("after", [0.4, 0.7, 1.0])
def test_ctrl_c_at_any_moment_leaves_nothing(after: float, short_path: Path) -> None:
    process = start(short_path, "--json")
    time.sleep(after)
    process.send_signal(signal.SIGINT)
    finish(process)

    assert process.returncode in {
        0,
        130,
        -signal.SIGINT,
    }  # the last: while Python starts
    assert list(short_path.iterdir()) == []


def test_a_second_ctrl_c_does_not_cut_the_end_short(short_path: Path) -> None:
    process = start(short_path, "--json")
    next_event(process)
    for _ in range(5):
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
    lines, err = finish(process)

    assert (process.returncode, err) == (0, "")
    assert json.loads(lines[-1])["event"] == "summary"
    assert list(short_path.iterdir()) == []


def test_it_finds_blocks_within_its_budget(short_path: Path) -> None:
    process = start(short_path, "--json")
    wait_for(process, lambda event: event["blocks_accepted"] and event["power_w"])
    wait_for(process, lambda event: event["budget_w"] == contract_of(kinds_of(20)))
    wait_for(process, lambda event: event["accepted"] > 10)
    process.send_signal(signal.SIGINT)
    lines, err = finish(process)

    assert (process.returncode, err) == (0, "")
    assert set(json.loads(lines[-1])["rejected"]) <= {"stale"}
    assert list(short_path.iterdir()) == []


def test_without_a_screen_it_prints_lines_for_people(short_path: Path) -> None:
    process = start(short_path, "--for", "1", "--no-screen")
    lines, err = finish(process)

    assert process.returncode == 0
    assert re.search("-s .*/admin.sock$", lines[0])
    assert re.search(r"stratum\+tcp://127\.0\.0\.1:\d+", lines[1])
    assert re.search(r"http://127\.0\.0\.1:\d+/$", lines[2])
    assert re.search(r"log in with \w{32}$", lines[3])
    assert "shares accepted" in lines[4]
    assert lines[-1].startswith("stopped after")
    assert "miners at tcp:" in err  # the log


def test_a_screen_without_a_terminal_is_lines(short_path: Path) -> None:
    process = start(short_path, "--for", "1")
    lines, _ = finish(process)

    assert process.returncode == 0
    assert "\x1b" not in "".join(lines)
    assert lines[-1].startswith("stopped after")


def test_a_folder_too_deep_for_a_socket_is_one_line(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 100)
    folder.mkdir()
    process = start(folder)
    lines, err = finish(process)

    assert (process.returncode, lines) == (1, [])
    assert err.startswith("baseload: Couldn't listen on ")
    assert err.endswith("admin.sock': AF_UNIX path too long.\n")
    assert list(folder.iterdir()) == []


def test_a_reader_that_goes_away_ends_it(short_path: Path) -> None:
    process = start(short_path, "--json")
    next_event(process)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()

    assert (process.wait(PATIENCE), err) == (1, "")
    assert list(short_path.iterdir()) == []


def test_ctrl_c_gives_the_terminal_back(short_path: Path) -> None:
    terminal = Terminal(DEMO, environment(short_path))
    terminal.wait_for(b"hall-a")
    terminal.press(CTRL_C)
    status = terminal.wait()

    drawn, _, after = terminal.output.rpartition(FIRST_SCREEN)
    assert status == 0
    assert drawn.index(OTHER_SCREEN) < drawn.index(HIDE_CURSOR)
    assert (drawn + after).rindex(SHOW_CURSOR) > (drawn + after).rindex(HIDE_CURSOR)
    assert b"stopped after" in after
    assert b"Traceback" not in terminal.output
    assert list(short_path.iterdir()) == []
