"""History on disk: kept over restarts and kills, bounded, and never in the way."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent

from protocol.units import UnixTime
from proxy.history.columns import POOL
from proxy.history.file import HISTORY_FILE, HistoryFile
from proxy.history.history import Key, Row
from proxy.history.ring import TIERS
from proxy.history.service import HistoryService, Keeper
from proxy.history.span import Span, one_column
from proxy.runtime.database_file import DatabaseFileError

NOW = 1_700_000_000 // 60 * 60
POOL0 = Key("pool", "pool0")


LogLines = Callable[[], list[str]]


@pytest.fixture
def log_lines() -> Iterator[LogLines]:
    with capturedLogs() as events:
        yield lambda: [formatEvent(event) for event in events]


class Run:
    """A process: from its start to its end, or its kill."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.clock = clock
        self.values: list[float | None] = [1.0, 0.0, 0.0, 0.02, 0.02, 1.0]
        self.on_thread: Callable[[Callable[[], Any]], Any] = self._at_once
        file = HistoryFile(folder / HISTORY_FILE)
        self.keeper = Keeper(file, self._look, self._wall, self._on_thread)
        self.service = HistoryService(self.keeper, clock)
        self.service.startService()

    def _look(self) -> Iterable[Row]:
        return [Row(POOL0, self.values)]

    def _wall(self) -> UnixTime:
        return UnixTime(NOW + self.clock.seconds())

    async def _at_once(self, work: Callable[[], Any]) -> Any:
        return work()

    async def _on_thread(self, work: Callable[[], Any]) -> Any:
        return await self.on_thread(work)

    def seconds(self, count: int) -> None:
        for _ in range(2 * count):  # in the middle of each
            self.clock.advance(0.5)

    def stop(self) -> None:
        _ = maybeDeferred(self.service.stopService)

    def up(self, since: int, count: int, step: int = 1) -> list[bool]:
        """Return of which rows something is known."""
        assert self.keeper.history is not None
        tier = next(t for t in TIERS if t.step == step)
        span = Span(NOW + since, step, count, tier)
        series = self.keeper.history.series[POOL0]
        return [value == 1.0 for value in one_column(series, "up", span).tolist()]


def test_a_row_a_second_and_no_gap_where_beats_are_late(tmp_path: Path) -> None:
    clock = Clock()
    run = Run(tmp_path, clock)
    now = 0.0
    for second, late in enumerate((0.0, 0.2, 0.0, 0.4, 0.3, 0.0, 0.1)):
        due = second + 0.51 + late
        clock.advance(due - now)
        now = due

    assert run.up(0, 7) == [True] * 7


def test_what_was_is_there_after_a_restart_and_the_gap_too(tmp_path: Path) -> None:
    clock = Clock()
    first = Run(tmp_path, clock)
    first.seconds(200)
    first.stop()
    clock.advance(100)
    second = Run(tmp_path, clock)
    second.seconds(100)

    assert second.up(0, 400) == [True] * 200 + [False] * 100 + [True] * 100
    assert second.up(0, 6, 60) == [True, True, True, True, False, True]


def test_a_kill_costs_a_minute_at_most(tmp_path: Path) -> None:
    clock = Clock()
    killed = Run(tmp_path, clock)
    killed.seconds(179)
    again = Run(tmp_path, clock)
    again.seconds(1)

    known = again.up(0, 179)
    assert known == sorted(known, reverse=True)  # all up to some second
    assert sum(known) >= 179 - 61


def test_a_minute_that_a_restart_cuts_is_made_of_both_parts(tmp_path: Path) -> None:
    clock = Clock()
    first = Run(tmp_path, clock)
    first.seconds(30)
    first.stop()
    second = Run(tmp_path, clock)
    second.seconds(40)

    assert second.keeper.history is not None
    series = second.keeper.history.series[POOL0]
    accepted = one_column(series, "accepted", Span(NOW, 60, 1, TIERS[2]))
    assert accepted.tolist() == [60.0]


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b"SQLite format 3\0" + bytes(5000)),
        lambda path: path.write_bytes(path.read_bytes()[:5000]),
        lambda path: path.write_bytes(path.read_bytes()[:4096] + b"\xff" * 60_000),
    ],
    ids=["none", "cut", "overwritten"],
)
def test_a_damaged_file_is_set_aside_and_costs_history_only(
    tmp_path: Path, damage: Callable[[Path], Any], log_lines: LogLines
) -> None:
    clock = Clock()
    for _ in range(2):
        run = Run(tmp_path, clock)
        run.seconds(130)
        run.stop()
        damage(tmp_path / HISTORY_FILE)

    last = Run(tmp_path, clock)
    last.seconds(10)
    last.stop()

    assert last.up(260, 10) == [True] * 10
    assert not any(last.up(0, 260))
    aside = [*tmp_path.glob(f"{HISTORY_FILE}.damaged-*")]
    assert len(aside) == 1  # the one before it has gone
    assert "is damaged" in "".join(log_lines())
    assert "charts begin anew" in "".join(log_lines())


def test_rows_that_make_no_sense_are_left_out(tmp_path: Path) -> None:
    clock = Clock()
    run = Run(tmp_path, clock)
    run.seconds(130)
    run.stop()
    with sqlite3.connect(tmp_path / HISTORY_FILE) as db:
        bad = [
            ("pool", "pool0", 1, 999, NOW, b"x" * 1440),
            ("pool", "pool0", 7, 3, NOW, b"x" * 1440),
            ("pool", "pool0", 10, 3, NOW + 17, b"x" * 1440),
            ("pool", "pool0", 60, 4, -60, b"x" * 1440),
            ("pool", "pool0", 60, 5, NOW, b"short"),
        ]
        db.executemany("INSERT OR REPLACE INTO piece VALUES (?,?,?,?,?,?)", bad)
        db.execute("INSERT INTO series VALUES ('moon', 'x', 'a b')")
    again = Run(tmp_path, clock)

    assert again.up(0, 130) == [True] * 130


def test_columns_of_another_release_are_found_by_name(tmp_path: Path) -> None:
    clock = Clock()
    run = Run(tmp_path, clock)
    run.seconds(70)
    run.stop()
    with sqlite3.connect(tmp_path / HISTORY_FILE) as db:
        names = " ".join(["new", *reversed(POOL.names[1:])])
        db.execute("UPDATE series SET columns = ?", (names,))
    again = Run(tmp_path, clock)

    assert again.keeper.history is not None
    series = again.keeper.history.series[POOL0]
    span = Span(NOW, 1, 60, TIERS[0])
    assert one_column(series, "rejected", span)[1] == 1.0  # where `up` was
    assert str(one_column(series, "accepted", span)[1]) == "nan"


def test_a_disk_that_takes_nothing_is_said_once_and_loses_nothing(
    tmp_path: Path, log_lines: LogLines
) -> None:
    clock = Clock()
    run = Run(tmp_path, clock)
    run.seconds(30)

    async def full(_: Callable[[], Any]) -> Any:
        raise DatabaseFileError("database or disk is full")

    run.on_thread = full
    run.seconds(200)
    said = [line for line in log_lines() if "charts are not kept" in line]
    assert len(said) == 1
    run.on_thread = run._at_once
    run.seconds(61)
    run.stop()

    assert Run(tmp_path, clock).up(0, 291) == [True] * 291


def test_a_file_that_is_removed_is_made_anew_with_all_there_is(tmp_path: Path) -> None:
    clock = Clock()
    run = Run(tmp_path, clock)
    run.seconds(100)
    for path in tmp_path.iterdir():
        path.unlink()
    run.seconds(130)
    run.stop()

    assert Run(tmp_path, clock).up(0, 230) == [True] * 230


def test_what_a_save_does_not_take_comes_with_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxy.history.history.MAX_PIECES", 1)
    monkeypatch.setattr("proxy.history.history.NEWEST_PIECES", 0)
    clock = Clock()
    run = Run(tmp_path, clock)
    run.seconds(90)
    history = run.keeper.history
    assert history is not None
    for _ in range(5):
        assert len([*history.pieces()]) <= 1
    assert [*history.pieces()] == []
    history.all_is_dirty()
    found = {(one.step, one.start) for _ in range(6) for _, one in history.pieces()}

    assert found == {(1, NOW), (1, NOW + 60), (10, NOW // 600 * 600)} | {
        (60, NOW // 3600 * 3600)
    }
    run.stop()


def test_a_save_that_hangs_holds_up_no_row(tmp_path: Path) -> None:
    clock = Clock()
    run = Run(tmp_path, clock)
    run.seconds(10)

    async def hang(_: Callable[[], Any]) -> Any:
        await Deferred()

    run.on_thread = hang
    run.seconds(200)

    assert run.up(0, 210) == [True] * 210


def test_the_file_does_not_grow_with_time(tmp_path: Path) -> None:
    clock = Clock()
    sizes = []
    for _ in range(3):
        run = Run(tmp_path, clock)
        run.seconds(2)
        clock.advance(36 * 86_400)
        run.seconds(61)
        run.stop()
        with sqlite3.connect(tmp_path / HISTORY_FILE) as db:
            sizes.append(db.execute("SELECT count(*) FROM piece").fetchone()[0])

    assert sizes[2] < 60
