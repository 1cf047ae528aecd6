"""What the control of one site wants done: written down, then told and called."""

from collections.abc import Callable

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from protocol.units import Seconds, UnixTime
from proxy.controller.calls import DeviceCalls
from proxy.controller.site_journal import SiteJournal
from proxy.power.link.messages import GrantMiners, ParkMiners, Up
from proxy.power.site import SiteControl

GATHER = Seconds(0.02)
"""How long what devices answer is gathered before it is written down."""

MAX_TOLD = 50_000
"""Connections parked or granted by one message: 500 kB."""


@define(eq=False, repr=False)
class EffectRunner:
    """Does what one site's control wants done, and has the site looked at in time.

    Attributes:
        is_running: The site is under control; else what gathers is written down alone.
    """

    _control: SiteControl
    _journal: SiteJournal
    _calls: DeviceCalls
    _send: Callable[[Up], None]
    _clock: IReactorTime
    _wall_clock: Callable[[], UnixTime]
    _look: Callable[[], None]
    is_running: bool = field(default=False, init=False)
    _soon: IDelayedCall | None = field(default=None, init=False)

    def flush(self) -> bool:
        """Write down what is to be done, then do it; return whether it is written.

        What cannot be written down is not done, but for what lowers power.
        """
        effects = self._control.drain()
        is_written = self._journal.write(effects)
        self._tell(ParkMiners, effects.park)
        if is_written:
            self._tell(GrantMiners, effects.grant)
        for call in effects.calls:
            if is_written or call.is_down:
                self._calls.add(call)
            else:
                self._calls.hold(call)
        if is_written:
            self._calls.release(self._control.actuations.resume)
        return is_written

    def soon(self, delay: Seconds = GATHER) -> None:
        """Flush in a while; look at the site then if that is urgent."""
        if self._soon is not None and self._soon.active():
            if delay > 0:
                return
            self._soon.cancel()
        self._soon = self._clock.callLater(delay, self._gathered)

    def at_once(self) -> None:
        """Flush now, and look at the site in the next turn if that is urgent."""
        self.flush()
        self.soon(Seconds(0.0))

    def go_on_soon(self) -> None:
        """Go on in the next turn of the reactor: it is held for no longer than that."""
        if self._control.is_behind and self.is_running:
            self.soon(Seconds(0.0))

    def stop(self) -> None:
        """Look at the site no more."""
        self.is_running = False
        if self._soon is not None and self._soon.active():
            self._soon.cancel()

    def _gathered(self) -> None:
        if self._control.is_urgent and self.is_running:
            self._look()
            return
        if self._control.is_behind and self.is_running:
            now = Seconds(self._clock.seconds())
            self._control.go_on(now, self._wall_clock())
        self.flush()
        self.go_on_soon()

    def _tell(self, kind: type[ParkMiners | GrantMiners], miners: list[int]) -> None:
        for begin in range(0, len(miners), MAX_TOLD):
            self._send(kind(self._control.name, miners[begin : begin + MAX_TOLD]))
