"""Do something to many, some of them in each turn of the reactor."""

from collections import deque
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Generic, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from protocol.units import Seconds
from proxy.runtime.contain import Servable, serve_each

AT_ONCE = 256
"""Miners in one turn: 5 ms where each is sent a job."""

One = TypeVar("One", bound=Servable)


@define(eq=False, repr=False)
class Slices(Generic[One]):
    """Those to whom something is still to be done, each once.

    Attributes:
        action: What is done. One that it fails with is dropped.
        what: The same in words: "parking".
    """

    clock: IReactorTime
    action: Callable[[One], object]
    what: str
    _left: dict[One, None] = field(factory=dict, init=False)
    _next: IDelayedCall | None = field(default=None, init=False)
    _is_going: bool = field(default=False, init=False)

    @property
    def is_done(self) -> bool:
        """Nobody is left."""
        return not self._left

    def add(self, those: Iterable[One]) -> None:
        """Do it to `those`: to the first at once, to the rest in the next turns."""
        self._left.update(dict.fromkeys(those))
        # An action may add more: it is served in the next turn, not within itself.
        if self._next is None and not self._is_going:  # else it is in its turn
            self._go_on()

    def stop(self) -> None:
        """Do it to nobody more."""
        self._left.clear()
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _go_on(self) -> None:
        self._next = None
        some = list(islice(self._left, AT_ONCE))
        for one in some:
            # Before the action, which may add the same one again.
            del self._left[one]
        self._is_going = True
        serve_each(some, self.action, self.what)
        self._is_going = False
        if self._left:
            self._next = self.clock.callLater(0, self._go_on)


@define(eq=False, repr=False)
class Pieces:
    """Calls that are answered piece by piece: when each goes on with its next one.

    However many there are, their pieces take `time` of a turn of the reactor, or one
    piece where that takes longer.
    """

    clock: IReactorTime
    time: Seconds
    _waiting: deque[Deferred[None]] = field(factory=deque, init=False)
    _next: IDelayedCall | None = field(default=None, init=False)

    def turn(self) -> Deferred[None]:
        """Return what fires when the next piece may be done."""
        waiting: Deferred[None] = Deferred()
        self._waiting.append(waiting)
        if self._next is None:
            self._next = self.clock.callLater(0, self._go_on)
        return waiting

    def _go_on(self) -> None:
        """Let some do a piece each; who asks for another stands behind all."""
        until = self.clock.seconds() + self.time
        for _ in range(len(self._waiting)):
            waiting = self._waiting.popleft()
            if not waiting.called:  # else its caller is gone
                waiting.callback(None)
            if self.clock.seconds() >= until:
                break
        self._next = self.clock.callLater(0, self._go_on) if self._waiting else None


@define(eq=False, repr=False)
class Errands(Generic[One]):
    """Things to be done with many, each in slices: who calls waits for none of them."""

    clock: IReactorTime
    _under_way: list[Slices[One]] = field(factory=list, init=False)

    def run(
        self, those: Iterable[One], action: Callable[[One], object], what: str
    ) -> None:
        """Do `action` to `those`, to the first at once: see `Slices`."""
        self._under_way = [one for one in self._under_way if not one.is_done]
        errand = Slices(self.clock, action, what)
        self._under_way.append(errand)
        errand.add(those)

    def stop(self) -> None:
        """Do nothing more to anybody."""
        for errand in self._under_way:
            errand.stop()
        self._under_way.clear()
