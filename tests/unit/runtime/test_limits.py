from collections.abc import Iterator
from typing import cast

import pytest
from attrs import evolve
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher

from protocol.units import Seconds
from proxy.runtime.limits import CALM, Limit, LimitWatch

FREE = Limit("connections of miners", 3, 10, 0, "raise it")
FULL = evolve(FREE, used=10)


@pytest.fixture(autouse=True)
def told() -> Iterator[list[str]]:
    """Give the alarms, as an operator reads them."""
    found: list[str] = []

    def listen(event: LogEvent) -> None:
        if event["log_namespace"] == "proxy.alarm":
            found.append(f"{event['log_level'].name}: {formatEvent(event)}")

    observer = cast("ILogObserver", listen)
    globalLogPublisher.addObserver(observer)
    yield found
    globalLogPublisher.removeObserver(observer)


def look(watch: LimitWatch, *times: float) -> None:
    for at in times:
        watch.look(Seconds(at))


def test_a_limit_is_told_once_when_reached_and_once_when_there_is_room(
    told: list[str],
) -> None:
    now = [FREE]
    watch = LimitWatch(lambda: now)
    look(watch, 0, 1)
    assert told == []

    now[0] = FULL
    look(watch, 2, 3, 4)
    assert told == [
        "error: connections of miners: all 10 are taken, no more are let in: raise it"
    ]

    now[0] = FREE
    look(watch, 5, 4 + CALM - 1)
    assert len(told) == 1
    look(watch, 4 + CALM, 5 + CALM)
    assert told[1:] == ["warn: connections of miners: there is room again"]


def test_a_limit_that_comes_and_goes_is_told_once(told: list[str]) -> None:
    now = [FREE]
    watch = LimitWatch(lambda: now)

    for second in range(100):
        now[0] = FULL if second % 7 == 0 else FREE
        look(watch, second)

    assert len(told) == 1


def test_who_is_turned_away_between_looks_is_told(told: list[str]) -> None:
    now = [FREE]
    watch = LimitWatch(lambda: now)
    look(watch, 0)

    now[0] = evolve(FREE, turned_away=1)
    look(watch, 1)

    assert len(told) == 1


def test_each_limit_has_its_own_alarm(told: list[str]) -> None:
    watch = LimitWatch(lambda: [FULL, evolve(FULL, name="miners of hall-a")])

    look(watch, 0, 1)

    assert [line.split(":")[1] for line in told] == [
        " connections of miners",
        " miners of hall-a",
    ]
