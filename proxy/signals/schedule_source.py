"""A signal that reads its orders from a schedule file, and sees when it changes."""

from datetime import UTC, datetime
from pathlib import Path

from attrs import frozen
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from protocol.units import Seconds, UnixTime
from proxy.power.control.wall_clock import SteadyClock
from proxy.power.ports import SignalListener
from proxy.regular_file import read_regular
from proxy.runtime.periodic import PeriodicService
from proxy.signals.numbering import Numbering
from proxy.signals.schedule import (
    MAX_FILE_BYTES,
    Schedule,
    ScheduleError,
    Stretch,
    cut_short,
    ends_at,
    parse_schedule,
    stretches,
)

LOOK_EVERY = Seconds(5.0)
"""How often the file is looked at: two looks in a row that find the same believe it."""

AHEAD = Seconds(48 * 3600.0)
"""How far ahead orders are given: what holds when this process dies."""

RENEW = Seconds(24 * 3600.0)
"""What is left of that when it is given anew."""

MAX_GIVEN = 4000
"""Orders that are given ahead: a site takes more than twice as many of one source."""

RETRY = Seconds(60.0)
"""After orders were refused; what was said before holds until then."""

_SEQS_PER_SECOND = 100_000
"""Above the orders of one reading, which are numbered from its second on."""


@frozen
class ScheduleFile:
    """Where a schedule is; `time_zone` is that of a CSV file."""

    path: Path
    time_zone: str = "UTC"

    def read(self) -> bytes:
        """Return what it holds now.

        Raises:
            ScheduleError: It cannot be read.
        """
        try:
            return read_regular(self.path, MAX_FILE_BYTES)
        except OSError as error:
            raise ScheduleError(f"{self.path}: {error.strerror}") from error

    def parse(self, data: bytes) -> Schedule:
        """Return the schedule in `data`.

        Raises:
            ScheduleError: It is none; the message names the file.
        """
        is_csv = self.path.suffix.lower() == ".csv"
        try:
            return parse_schedule(data, is_csv=is_csv, time_zone=self.time_zone)
        except ScheduleError as error:
            raise ScheduleError(f"{self.path}: {error}") from error


class ScheduleSource:
    """Hands a schedule on as orders, each with its beginning and its end.

    A file that becomes unreadable changes nothing: what it said last holds, and is
    said to hold. One that changes from look to look is being written, and is left
    until it is done. It has no lease: the file speaks for the time ahead; where it is
    in doubt what time it is, for the time ahead of both moments.
    """

    lease_s: Seconds | None = None
    _log = Logger()

    def __init__(
        self,
        site: str,
        name: str,
        file: ScheduleFile,
        clock: IReactorTime,
        wall_clock: SteadyClock,
    ) -> None:
        """Read the file.

        Raises:
            ScheduleError: It cannot be read, or is no schedule.
        """
        self.name = name
        self._file = file
        self._clock = clock
        self._wall_clock = wall_clock
        self._looks = PeriodicService(LOOK_EVERY, self._look, clock)
        self._listener: SignalListener | None = None
        self._data = self._seen = file.read()
        self._schedule = file.parse(self._data)
        self._doubt()
        self._is_new = True  # what it says has not been taken yet
        self._ends: list[UnixTime] = []  # of what was given
        self._given_until = UnixTime(0.0)
        self._retry_at = 0.0
        self._numbers = Numbering(site, name, _SEQS_PER_SECOND)

    def start(self, listener: SignalListener) -> None:
        """See `SignalSource`."""
        self._listener = listener
        self._give(listener)
        self._looks.startService()

    def _doubt(self) -> None:
        """Say what the file that was read leaves open."""
        if why := cut_short(self._data):
            self._log.warn("{path}: {why}", path=self._file.path, why=why)
        end = ends_at(self._schedule)
        if end is not None:
            self._log.info(
                "{path} says nothing beyond {end}: the other orders and the contract"
                " rule from then on",
                path=self._file.path,
                end=datetime.fromtimestamp(end, tz=UTC).isoformat(),
            )

    async def stop(self) -> None:
        """See `SignalSource`."""
        self._listener = None
        if self._looks.running:
            await self._looks.stopService()

    async def _look(self) -> None:
        if self._listener is None:
            return
        try:
            self._read_again()
        except ScheduleError as error:
            self._log.error("{error}; what it said before holds", error=error)
        is_due = self._is_new or self._given_until - self._wall_clock() < RENEW
        if is_due and self._clock.seconds() >= self._retry_at:
            self._give(self._listener)

    def _read_again(self) -> None:
        seen, self._seen = self._seen, self._file.read()
        # Changed since the last look: it may still be written to.
        if self._seen != seen or self._seen == self._data:
            return
        data = self._data = seen  # a wrong file is reported once
        self._schedule = self._file.parse(data)
        self._is_new, self._retry_at = True, 0.0
        self._log.info("{path} has changed", path=self._file.path)
        self._doubt()

    def _give(self, listener: SignalListener) -> None:
        """Hand over what rules from now on, or only what has come into sight."""
        now, doubted = self._wall_clock(), self._wall_clock.doubted()
        self._is_new |= doubted is not None  # all anew: two spans would add up
        ahead = [] if self._is_new else [end for end in self._ends if end > now]
        since = now if self._is_new else max(now, self._given_until)
        until = UnixTime(now + AHEAD)
        found = stretches(self._schedule, since, until)
        room = MAX_GIVEN - len(ahead)
        if len(found) > room:
            # The first that has no room ends what was given: the next look gives more.
            found, until = found[:room], found[room].start
        also = () if doubted is None else self._ahead_of(doubted)
        orders = self._numbers.orders((*found, *also), now)
        # All or nothing: a refused file leaves the orders before it in force.
        receipt = listener.take(orders, instead_of=self.name if self._is_new else None)
        if not receipt.is_taken:
            self._retry_at = self._clock.seconds() + RETRY
            path, why = self._file.path, receipt.reason
            text = "{path} refused: {why}; what it said before holds"
            self._log.error(text, path=path, why=why)
            return
        self._is_new = False
        self._ends = [*ahead, *(stretch.end for stretch in found)]
        self._given_until = until

    def _ahead_of(self, moment: UnixTime) -> tuple[Stretch, ...]:
        return stretches(self._schedule, moment, UnixTime(moment + AHEAD))[:MAX_GIVEN]
