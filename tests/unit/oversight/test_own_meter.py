"""A witness reads the meter itself, and a verifier takes what it wrote."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from protocol.units import UnixTime
from proxy.oversight.own_meter import METER_FILE, OwnMeter
from proxy.power.ports import MeterError
from proxy.verifier.other_meter import read_other
from tests.oversight_story import BEGIN


@define
class Source:
    """A meter that shows what it is told to."""

    watts: float = 1800.0
    is_closed: bool = field(default=False, init=False)
    hertz: float | None = None
    energy_wh: float | None = None

    async def read(self) -> float:
        if math.isinf(self.watts):
            raise MeterError("silent")
        return self.watts

    def close(self) -> None:
        self.is_closed = True


class Reader:
    def __init__(self, folder: Path) -> None:
        self.source, self.clock = Source(), Clock()
        self.meter = OwnMeter(self.source, folder, self.clock, self.now, self.run)
        self.meter.start()

    def now(self) -> UnixTime:
        return UnixTime(BEGIN + self.clock.seconds())

    async def run(self, work: Callable[[], Any]) -> Any:
        return work()

    def go_on(self, seconds: int) -> None:
        for _ in range(seconds):
            self.clock.advance(1.0)

    def stop(self) -> None:
        assert Deferred.fromCoroutine(self.meter.stop()).called


def test_each_minute_is_a_row_with_its_seconds(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    reader.go_on(75)
    reader.source.watts = math.inf
    reader.go_on(60)
    reader.stop()

    assert (tmp_path / METER_FILE).read_text().splitlines() == [
        "minute,wh,seconds",
        f"{BEGIN},30.000,60",
        f"{BEGIN + 60},8.000,16",
        f"{BEGIN + 120},0.000,0",
    ]
    assert reader.source.is_closed


def test_a_verifier_takes_the_quarters_that_are_whole(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    reader.go_on(905)
    reader.source.watts = math.inf
    reader.go_on(60)
    reader.source.watts = 1800.0
    reader.go_on(900)
    reader.stop()

    assert read_other(tmp_path / METER_FILE) == {BEGIN: 1800.0 * 900}


def test_what_was_written_before_is_gone_on_with(tmp_path: Path) -> None:
    for _ in range(2):
        reader = Reader(tmp_path)
        reader.go_on(30)
        reader.stop()

    rows = (tmp_path / METER_FILE).read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["minute", str(BEGIN), str(BEGIN)]
