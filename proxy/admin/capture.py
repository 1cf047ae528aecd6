"""One connection, recorded: the methods `capture.start` and `capture.next`.

The client that began a capture fetches it piece by piece, and so stands for it: one
that fetches nothing for ten seconds is gone, and its capture ends.
"""

import secrets
from collections.abc import Awaitable, Callable
from typing import Annotated

from attrs import define, field
from msgspec import Meta, Struct
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from protocol.dialect import Dialect
from protocol.units import Seconds, UnixTime
from proxy.admin.captured import Captured, FrameReader, LineReader, Reader
from proxy.admin.refused import Refused
from proxy.admin.running import Running
from proxy.downstream.miner import Miner
from proxy.runtime.tap import Tap

MAX_CAPTURES = 4
"""At once: a megabyte of what waits each, and a look through it that takes time."""

GONE_AFTER = Seconds(10.0)
"""Of a client that fetches nothing; one asks four times a second."""

PART_BYTES = 8192
"""That are read at once: 180 shares of Stratum V2, 2 ms."""

MAX_CAPTURE_S = 3600.0
MAX_CAPTURE_BYTES = 100_000_000

Duration = Annotated[float, Meta(gt=0, le=MAX_CAPTURE_S)]
Size = Annotated[int, Meta(gt=0, le=MAX_CAPTURE_BYTES)]


class CaptureView(Struct):
    """A capture that began.

    Attributes:
        id: What `capture.next` names it by.
        at: Unix seconds.
        miner: Its id.
        worker: Its first one; null: none logged in yet.
        dialect: `sv1` or `sv2`; of the latter all channels of the connection.
        seconds: When it ends at the latest.
        bytes: That end it.
    """

    id: str
    at: float
    site: str
    miner: int
    worker: str | None
    address: str
    dialect: str
    user_agent: str
    seconds: float
    bytes: int


class CapturePart(Struct):
    """What was recorded since the last part.

    Attributes:
        messages: In order.
        more: There is more at once.
        ended: Why there will be no more; empty: it goes on.
    """

    messages: list[Captured]
    more: bool
    ended: str


@define(eq=False, repr=False)
class _Capture:
    """A capture under way.

    Attributes:
        is_here: Tells whether the miner is connected.
        wall_clock: Tells the time of day.
        left: Bytes that it may still have.
        due: Ends it when its client is gone.
    """

    view: CaptureView
    tap: Tap
    reader: Reader
    is_here: Callable[[], bool]
    wall_clock: Callable[[], UnixTime]
    left: int
    due: IDelayedCall | None = field(default=None, init=False)

    @property
    def until(self) -> float:
        """Return when it ends, in Unix seconds."""
        return self.view.at + self.view.seconds

    def over(self, *, was_here: bool) -> str:
        """Return why nothing more will come; empty: something may."""
        if self.wall_clock() >= self.until:
            return f"{self.view.seconds:g} s are over"
        return "" if was_here else "the miner is gone"


@define(eq=False, repr=False)
class CaptureOperations:
    """Records connections for those who look for a fault.

    Attributes:
        named: Returns miners by id or worker, each with its site.
        clock: Ends the captures of clients that are gone.
    """

    _log = Logger()

    running: Running
    named: Callable[[str], Awaitable[list[tuple[str, Miner]]]]
    clock: IReactorTime
    _captures: dict[str, _Capture] = field(factory=dict, init=False)

    async def start(
        self,
        miner: str,
        seconds: Duration = 60.0,
        bytes: Size = 1_000_000,  # noqa: A002  (its name on the wire)
    ) -> CaptureView:
        """Record what a miner's connection says and hears from here on."""
        site, one = self._only(miner, await self.named(miner))
        if len(self._captures) >= MAX_CAPTURES:
            raise Refused(f"{MAX_CAPTURES} captures are under way: try again later")
        factory = self.running.factories[site]
        tap = factory.tap(one)
        if tap is None:
            raise Refused(f"miner {one.id} is captured already, or has just gone")
        context = factory.context
        view = CaptureView(
            id=secrets.token_hex(16),
            at=context.wall_clock(),
            site=site,
            miner=one.id,
            worker=next(iter(one.workers), None),
            address=one.address,
            dialect=one.dialect,
            user_agent=one.user_agent,
            seconds=seconds,
            bytes=bytes,
        )
        capture = _Capture(
            view,
            tap,
            FrameReader() if one.dialect is Dialect.SV2 else LineReader(),
            lambda: one.id in factory.roster.miners,
            context.wall_clock,
            bytes,
        )
        self._captures[view.id] = capture
        self._wait(capture)
        return view

    def next(
        self,
        id: str,  # noqa: A002  (its name on the wire)
        end: bool = False,  # noqa: FBT001, FBT002  (a parameter on the wire)
    ) -> CapturePart:
        """Return what was recorded since, or the last of it and end it."""
        capture = self._captures.get(id)
        if capture is None:
            raise Refused("no such capture: it was not fetched for 10 s, or is over")
        is_here = capture.is_here()  # asked first: what it said last comes after
        pieces = capture.tap.fetch(min(PART_BYTES, capture.left))
        in_time = [piece for piece in pieces if piece.at <= capture.until]
        messages = [m for piece in in_time for m in capture.reader.read(piece)]
        capture.left -= sum(len(piece.data) for piece in in_time)
        ended = "its client ended it" if end else ""
        if not in_time:
            ended = capture.over(was_here=is_here) or ended
        elif capture.left <= 0:
            ended = f"{capture.view.bytes:,} B are full"
        if ended:
            self._end(capture, ended)
        else:
            self._wait(capture)
        return CapturePart(messages, bool(in_time), ended)

    def _wait(self, capture: _Capture) -> None:
        if capture.due is None:
            capture.due = self.clock.callLater(
                GONE_AFTER, self._end, capture, "its client is gone"
            )
        else:
            capture.due.reset(GONE_AFTER)

    def _end(self, capture: _Capture, why: str) -> None:
        del self._captures[capture.view.id]
        capture.tap.close()
        if capture.due is not None and capture.due.active():
            capture.due.cancel()
        self._log.info(
            "{site}: the capture of miner {id} is over: {why}",
            site=capture.view.site,
            id=capture.view.miner,
            why=why,
        )

    def _only(self, name: str, found: list[tuple[str, Miner]]) -> tuple[str, Miner]:
        if not found:
            raise Refused(f"no miner {name!r}: see `baseload miners`")
        if len(found) > 1:
            ids = ", ".join(str(one.id) for _, one in found)
            raise Refused(f"{name} is several miners: name one by its id, as {ids}")
        return found[0]
