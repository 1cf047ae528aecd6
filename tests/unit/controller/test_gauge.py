"""A meter that is late, hangs or breaks holds nobody up."""

from collections.abc import Iterator

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, deferLater

from protocol.units import Seconds
from proxy.controller.meter_poll import PATIENCE, MeterPoller
from proxy.power.ports import MeterError
from tests.conftest import FlushFailures


class LateMeter:
    """Answers 1, 2, 3 ... after the given delays, then fails at once."""

    hertz: float | None = None
    energy_wh: float | None = None

    def __init__(self, clock: Clock, delays: list[float]) -> None:
        self._clock = clock
        self._delays: Iterator[tuple[int, float]] = iter(enumerate(delays, 1))
        self.asked = 0
        self.error: Exception = MeterError("silent")
        self.is_closed = False

    async def read(self) -> float:
        self.asked += 1
        value, delay = next(self._delays, (0, 0.0))
        if not value:
            raise self.error
        await deferLater(self._clock, delay)
        return value

    def close(self) -> None:
        self.is_closed = True


class Looks:
    """A gauge, and what each look at it brought and when."""

    def __init__(self, *delays: float) -> None:
        self.clock = Clock()
        self.meter = LateMeter(self.clock, list(delays))
        self.poller = MeterPoller(self.meter, self.clock)
        self.seen: list[tuple[float, float | None]] = []

    def look(self) -> None:
        _ = Deferred.fromCoroutine(self._look())

    async def _look(self) -> None:
        reading = await self.poller.look()
        self.seen.append((round(self.clock.seconds(), 2), reading))

    def stop(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self.poller.stop())

    def run(self, seconds: int) -> None:
        for _ in range(seconds):
            self.look()
            for _ in range(10):
                self.clock.advance(0.1)


def test_an_answer_is_had_as_soon_as_it_is_there() -> None:
    looks = Looks(0.1, 0.2)

    looks.run(2)

    assert looks.seen == [(0.1, 1), (1.2, 2)]


def test_a_late_answer_is_for_the_next_look_unless_there_is_a_newer_one() -> None:
    looks = Looks(0.7, 0.8, 0.2)

    looks.run(3)

    assert looks.seen == [(PATIENCE, None), (1.0 + PATIENCE, 1), (2.2, 3)]


def test_a_meter_that_hangs_is_asked_once_and_holds_nobody_up() -> None:
    looks = Looks(100.0)

    looks.run(3)
    _ = looks.stop()

    assert looks.seen == [(n + PATIENCE, None) for n in range(3)]
    assert looks.meter.asked == 1


def test_a_silent_meter_is_asked_again() -> None:
    looks = Looks()

    looks.run(2)

    assert looks.seen == [(0.0, None), (1.0, None)]


def test_whatever_is_wrong_with_a_meter_is_no_reading(
    flush_failures: FlushFailures,
) -> None:
    looks = Looks()
    looks.meter.error = OverflowError("port")

    looks.run(2)

    assert looks.seen == [(0.0, None), (1.0, None)]
    assert flush_failures(OverflowError) == 2


def test_a_stop_ends_what_is_asked() -> None:
    looks = Looks(100.0)
    looks.look()
    looks.clock.advance(Seconds(1.0))

    stopped = looks.stop()

    assert stopped.called
    assert looks.meter.is_closed
    assert not looks.clock.getDelayedCalls()
