"""What is held by hand, and the file that it is kept in."""

from argparse import ArgumentError
from pathlib import Path

import pytest
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent

from protocol.units import Seconds, UnixTime
from proxy.admin.by_hand import ByHand
from proxy.cli.command import Parser, duration

NOW = 1_700_000_000.0


class Wall:
    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> UnixTime:
        return UnixTime(self.at)


def held(folder: Path, wall: Wall, clock: Clock | None = None) -> ByHand:
    return ByHand(folder / "by_hand.json", wall, clock or Clock())


def test_nothing_is_held_at_first(tmp_path: Path) -> None:
    by_hand = held(tmp_path, Wall())

    assert by_hand.views() == []
    assert by_hand.arranged(["a", "b"]) == ("a", "b")


def test_what_is_preferred_last_comes_first_and_what_is_disabled_not_at_all(
    tmp_path: Path,
) -> None:
    by_hand = held(tmp_path, Wall())
    for name in ("b", "c", "elsewhere"):
        by_hand.hold_source(name, "preferred", None)
    by_hand.hold_source("d", "disabled", None)

    assert by_hand.arranged(["a", "b", "c", "d"]) == ("c", "b", "a")


def test_a_restart_finds_it_and_says_so(tmp_path: Path) -> None:
    wall = Wall()
    held(tmp_path, wall).hold_source("main", "disabled", Seconds(3600.0))
    wall.at += 600
    with capturedLogs() as logged:
        again = held(tmp_path, wall)

    (view,) = again.views()
    assert (view.name, view.how, view.since, view.left_s) == (
        *("main", "disabled"),
        *(NOW, 3000.0),
    )
    (line,) = map(formatEvent, logged)
    assert line == (
        "still in force: source main is disabled by hand since 2023-11-14 22:13 UTC,"
        " for 50 min more"
    )


def test_it_ends_when_its_time_is_over_also_while_nobody_ran(tmp_path: Path) -> None:
    wall, clock, changes = Wall(), Clock(), []
    by_hand = held(tmp_path, wall, clock)
    by_hand.hold_source("main", "disabled", Seconds(60.0))
    by_hand.hold_source("core", "preferred", None)
    by_hand.on_sources = lambda: changes.append(by_hand.arranged(["main", "core"]))
    by_hand.service().startService()
    wall.at += 60
    clock.pump([1.0] * 60)

    assert changes == [("core", "main")]
    by_hand.hold_source("main", "disabled", Seconds(60.0))
    wall.at += 60
    assert [one.name for one in held(tmp_path, wall).views()] == ["core"]


@pytest.mark.parametrize("step", [-1200.0, 1200.0])
def test_a_step_of_the_wall_clock_neither_lengthens_nor_ends_it(
    tmp_path: Path, step: float
) -> None:
    wall, clock = Wall(), Clock()
    by_hand = held(tmp_path, wall, clock)
    by_hand.hold_source("main", "disabled", Seconds(60.0))
    by_hand.service().startService()
    wall.at += step
    clock.pump([1.0] * 59)

    (view,) = by_hand.views()
    assert view.left_s == 1.0
    clock.advance(1)
    assert by_hand.views() == []


def test_a_restart_with_a_clock_that_is_behind_holds_it_no_longer_than_was_said(
    tmp_path: Path,
) -> None:
    wall, clock = Wall(), Clock()
    held(tmp_path, wall).hold_source("main", "disabled", Seconds(60.0))
    wall.at -= 1200
    by_hand = held(tmp_path, wall, clock)
    by_hand.service().startService()
    clock.pump([1.0] * 60)

    assert by_hand.views() == []


SOURCES = b'{"main":{"how":"disabled","since":1.0},"b":{"how":"preferred","since":2}}'
PARKED = b'[{"machines":"10.0.0.7","since":1.0},{"machines":"rack-a.*","since":3.5}]'
DRAINED = b'{"drained":[{"site":"hall-a","since":1.0}],"sources":7}'
WHOLE = b'{"sources":%b,"parked":%b}' % (SOURCES, PARKED)


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (WHOLE[:-3], ["main", "b", "10.0.0.7", "rack-a.*"]),
        (WHOLE[:-12], ["main", "b", "10.0.0.7", "rack-a.*"]),
        (WHOLE[: WHOLE.index(b"rack-a")], ["main", "b", "10.0.0.7"]),
        (WHOLE.replace(b"preferred", b"weighted"), ["main", "10.0.0.7", "rack-a.*"]),
        (WHOLE.replace(b"3.5", b"1e300"), ["main", "b", "10.0.0.7", "rack-a.*"]),
        (WHOLE.replace(b'"10.0.0.7"', b"7"), ["main", "b", "rack-a.*"]),
        (WHOLE.replace(b"},", b"},,"), ["main", "b", "10.0.0.7", "rack-a.*"]),
        (DRAINED, ["hall-a"]),
        (b"[" * 500_000, []),
        (b"\xff\x00", []),
    ],
)
def test_of_a_damaged_file_all_that_can_be_read_holds(
    tmp_path: Path, data: bytes, names: list[str]
) -> None:
    path = tmp_path / "by_hand.json"
    path.write_bytes(data)
    with capturedLogs() as logged:
        by_hand = held(tmp_path, Wall())

    assert [one.name for one in by_hand.views()] == names
    assert logged[0]["log_level"].name == "error"
    assert path.with_suffix(".damaged").read_bytes() == data
    assert [one.name for one in held(tmp_path, Wall()).views()] == names


def test_a_file_that_may_not_be_read_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "by_hand.json"
    path.mkdir()
    with capturedLogs() as logged:
        by_hand = held(tmp_path, Wall())
    by_hand.park("rack-a.*")

    assert [one["log_level"].name for one in logged] == ["error"]
    assert path.with_suffix(".damaged").is_dir()
    assert [one.name for one in held(tmp_path, Wall()).views()] == ["rack-a.*"]


def test_what_a_later_release_keeps_there_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "by_hand.json").write_text('{"sources": {}, "later": [1]}')

    assert held(tmp_path, Wall()).views() == []


def test_a_disk_that_takes_nothing_is_said_and_it_is_in_force(tmp_path: Path) -> None:
    by_hand = held(tmp_path / "gone", Wall())

    assert "No such file" in by_hand.hold_source("main", "disabled", None)
    assert by_hand.arranged(["main"]) == ()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90.0), ("90s", 90.0), ("1.5m", 90.0), ("2h", 7200.0), ("1d", 86400.0)],
)
def test_durations_have_units(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "0", "-1h", "nan", "inf", "1w", "1hm", "h1"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    parser = Parser(exit_on_error=False)
    parser.add_argument("--for", type=duration)

    with pytest.raises(ArgumentError, match="invalid duration value"):
        parser.parse_args([f"--for={text}"])
