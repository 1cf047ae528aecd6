"""Write a row a second, and all that is new into the file each minute."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from typing_extensions import override

from protocol.units import Seconds, UnixTime
from proxy.history.file import HistoryFile, Saved
from proxy.history.history import History, Row
from proxy.runtime.database_file import DamagedFileError, DatabaseFileError
from proxy.runtime.tasks import Tasks

SAVED_EVERY = Seconds(60.0)
"""What a kill costs at the most."""

MIDDLE = 0.5
"""Of a second: where beats are furthest from its ends."""

OnThread = Callable[[Callable[[], Any]], Awaitable[Any]]


@define(eq=False, repr=False)
class Keeper:
    """Owns the history while the process runs.

    Attributes:
        look: Returns what all sites and pools are now.
        on_thread: Runs a function where it may take its time.
        history: None until the file has been read.
    """

    _log = Logger()

    file: HistoryFile
    look: Callable[[], Iterable[Row]]
    wall_clock: Callable[[], UnixTime]
    on_thread: OnThread
    history: History | None = field(default=None, init=False)
    _second: int = field(default=-1, init=False)
    _failure: str = field(default="", init=False)
    _is_saving: bool = field(default=False, init=False)

    async def read(self) -> None:
        """Read the file."""
        now = self.wall_clock()
        self.history = await self.on_thread(lambda: self.file.read(now))

    def beat(self) -> None:
        """Write the row of this second, once."""
        at = self.wall_clock()
        if self.history is None or int(at) == self._second:
            return
        self._second = int(at)
        self.history.record(at, self.look())

    async def save(self) -> None:
        """Write what is new into the file, unless that is being done."""
        history = self.history
        if history is None or self._is_saving:
            return
        saved = Saved([*history.pieces()], [*history.gone])
        history.gone.clear()
        self._is_saving = True
        try:
            await self.on_thread(lambda: self.file.write(saved))
        except DatabaseFileError as error:
            _put_back(history, saved)
            await self._failed(history, error)
        else:
            if self._failure:
                self._log.info("{path}: charts are kept again", path=self.file.path)
            self._failure = ""
        finally:
            self._is_saving = False

    async def _failed(self, history: History, error: DatabaseFileError) -> None:
        """Say so once; a broken file is another's place."""
        if not self._failure:
            self._log.warn(
                "charts are not kept, a restart loses them: {error}", error=error
            )
        self._failure = str(error)
        if not isinstance(error, DamagedFileError):
            return
        now = self.wall_clock()
        try:
            await self.on_thread(lambda: self.file.begin_anew(error, now))
        except DatabaseFileError as again:
            self._failure = str(again)
        else:
            history.all_is_dirty()


def _put_back(history: History, saved: Saved) -> None:
    """Have the next save write it."""
    history.gone.update(key for key in saved.gone if key not in history.series)
    for key, piece in saved.pieces:
        if series := history.series.get(key):
            for ring in series.rings:
                if ring.tier.step == piece.step:
                    ring.dirty.add(piece.position)


class HistoryService(Service):
    """Has `keeper` read, beat and save.

    Beats are in the middle of a second of the wall clock: one that is a little early
    or late is still of its own second, and leaves no gap.
    """

    _log = Logger()

    def __init__(self, keeper: Keeper, clock: IReactorTime) -> None:
        self.keeper = keeper
        self._clock = clock
        self._tasks = Tasks()
        self._next: IDelayedCall | None = None
        self._saved_at = clock.seconds()

    @override
    def startService(self) -> None:
        super().startService()
        self._tasks.start("read the history", self._begin())

    @override
    async def stopService(self) -> None:
        super().stopService()
        if self._next is not None:
            self._next.cancel()
            self._next = None
        await self.keeper.save()
        await self._tasks.cancel_all()

    async def _begin(self) -> None:
        await self.keeper.read()
        self._saved_at = self._clock.seconds()
        if self.running:
            self._plan()

    def _plan(self) -> None:
        """Have the next beat in the middle of a second, half a second away or more."""
        since_middle = (self.keeper.wall_clock() - MIDDLE) % 1.0
        delay = 1.0 - since_middle + (since_middle > MIDDLE)
        self._next = self._clock.callLater(delay, self._beat)

    def _beat(self) -> None:
        self._next = None
        with self._log.failuresHandled("a row of the history failed"):
            self.keeper.beat()
        if self._clock.seconds() - self._saved_at >= SAVED_EVERY:
            self._saved_at = self._clock.seconds()
            self._tasks.start("save the history", self.keeper.save())
        if self.running:
            self._plan()
