"""A relay contact that trips a site: open or unreadable, it says 0 W at once.

What it says is an order of the source `trip_input`, so that it is durable, shown and
an event, and holds over a restart until the contact has been read to be well.
"""

from collections.abc import Callable
from typing import Protocol

from attrs import define, field
from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IReactorTime

from protocol.units import Seconds, UnixTime, Watts
from proxy.config.power import TRIP_INPUT
from proxy.power.orders.order import Order
from proxy.power.ports import SignalListener
from proxy.runtime.periodic import PeriodicService
from proxy.signals.numbering import next_seq

LOOK_EVERY = Seconds(0.5)
"""Half of the second within which an order is acted upon."""


class Contact(Protocol):
    """Where the contact is read."""

    async def is_well(self) -> bool:
        """Tell whether the contact lets the site run.

        Raises:
            MeterError: It cannot be read. Whatever else comes means the same.
        """

    def close(self) -> None:
        """Hang up."""

    @property
    def place(self) -> str:
        """Return what it is, for people."""


@define(eq=False, repr=False)
class TripContact:
    """Reads the contact twice a second."""

    _site: str
    _contact: Contact
    _give_up_s: Seconds
    _clock: IReactorTime
    _wall_clock: Callable[[], UnixTime]
    name: str = field(default=TRIP_INPUT, init=False)
    lease_s: Seconds | None = field(default=None, init=False)
    _listener: SignalListener | None = field(default=None, init=False)
    _looks: PeriodicService = field(init=False)
    _read_at: float = field(default=0.0, init=False)
    _last_seq: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self._looks = PeriodicService(LOOK_EVERY, self._look, self._clock)

    def start(self, listener: SignalListener) -> None:
        """See `SignalSource`."""
        self._listener = listener
        self._read_at = self._clock.seconds()
        for order in listener.standing(self.name):
            self._last_seq = max(self._last_seq, order.seq)
        self._looks.startService()

    async def stop(self) -> None:
        """See `SignalSource`."""
        self._listener = None
        await self._looks.stopService()
        self._contact.close()

    async def _look(self) -> None:
        try:
            is_well = await self._contact.is_well()
        except CancelledError:
            raise
        except Exception as error:  # noqa: BLE001  (whatever it is, nobody knows)
            silent = self._clock.seconds() - self._read_at
            if silent >= self._give_up_s:
                self._trip(f"the contact cannot be read: {error}")
            return
        self._read_at = self._clock.seconds()
        if self._listener is not None:
            self._listener.renew(self.name)
        if is_well:
            self._release()
        else:
            self._trip(f"the contact {self._contact.place} trips")

    def _trip(self, why: str) -> None:
        # What tripped it first stays the reason until the contact is well. An order may
        # stand that was not taken: one that lowers holds though no disk keeps it.
        if self._listener is None or self._listener.standing(self.name):
            return
        now = self._wall_clock()
        seq = next_seq(self._last_seq, now)
        order = Order(
            site=self._site,
            watts=Watts(0.0),
            seq=seq,
            source=self.name,
            not_before=UnixTime(0.0),
            received_at=now,
            reason=why,
        )
        self._last_seq = seq
        self._listener.take([order])

    def _release(self) -> None:
        if self._listener is None or not self._listener.standing(self.name):
            return
        # No order at all, not one of the contract: others may not have spoken yet.
        self._listener.take([], instead_of=self.name)
