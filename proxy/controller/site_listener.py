"""What the signals of one site say, and operators: heard, written down, acted upon."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from attrs import define, evolve
from twisted.internet.interfaces import IReactorTime

from protocol.setpoint.points import Points
from protocol.units import Seconds, UnixTime, Watts
from proxy.controller.effect_runner import EffectRunner
from proxy.controller.site_journal import SiteJournal
from proxy.power.orders.documents import DocumentRow, Recorded
from proxy.power.orders.market import Market, ModelGroup
from proxy.power.orders.order import Order
from proxy.power.orders.orders import OrderBookState
from proxy.power.orders.receipt import InForce, Receipt
from proxy.power.ports import MeterSource
from proxy.power.site import SiteControl
from proxy.power.views.back_channel import in_force, note_clock, note_refused, points
from proxy.power.views.market import models, needs_w

NOT_WRITTEN = "it could not be written down"


class SeenByOthers(Protocol):
    """The event log as others see it."""

    def origin(self) -> str:
        """Return what it is called; empty: none is published."""

    def cosigned(self) -> Mapping[str, float]:
        """Return when each witness cosigned it last, Unix seconds, by its name."""


class SeenByNobody:
    """No log is published."""

    def origin(self) -> str:
        """See `SeenByOthers`."""
        return ""

    def cosigned(self) -> Mapping[str, float]:
        """See `SeenByOthers`."""
        return {}


@define(eq=False, repr=False)
class SiteListener:
    """Is the `ports.SignalListener` of one site."""

    _control: SiteControl
    _journal: SiteJournal
    _runner: EffectRunner
    _meter: MeterSource | None
    _others: SeenByOthers
    _clock: IReactorTime
    _wall_clock: Callable[[], UnixTime]

    def take(
        self, orders: Sequence[Order], *, instead_of: str | None = None
    ) -> Receipt:
        """See `ports.SignalListener`."""
        control, journal = self._control, self._journal
        said, lagged = control.orders.said(), journal.lags
        receipt = control.take(orders, self._now(), self._wall_clock(), instead_of)
        self._runner.at_once()
        if receipt.is_taken and journal.lags:
            return self._not_kept(orders, said, lagged=lagged)
        for source in {o.source for o in orders} if receipt.is_taken else ():
            journal.spoke(source)
        return receipt

    def clear(self, source: str, cause: str) -> int | None:
        """Forget the orders of `source`; return how many there were.

        None: that could not be written down, and is undone.
        """
        said, lagged = self._control.orders.said(), self._journal.lags
        count = self._control.withdraw(source, cause, self._wall_clock())
        self._runner.at_once()
        if count and self._journal.lags:
            self._not_kept((), said, lagged=lagged)
            return None
        return count

    def standing(self, source: str) -> Sequence[Order]:
        """See `ports.SignalListener`."""
        return [o for o in self._control.orders.orders if o.source == source]

    def in_force(self) -> InForce:
        """See `ports.SignalListener`."""
        return in_force(self._control)

    def renew(self, source: str) -> None:
        """See `ports.SignalListener`."""
        self._control.orders.renew(source, self._now())
        self._journal.spoke(source)

    def refused(self, source: str, why: str, body: dict[str, Any]) -> None:
        """See `ports.SignalListener`."""
        note_refused(self._control, {"source": source, **body}, why, self._wall_clock())
        self._runner.soon()

    def record(
        self,
        kind: str,
        cause: str,
        body: dict[str, Any],
        rows: Sequence[DocumentRow] = (),
    ) -> Recorded | None:
        """See `ports.SignalListener`."""
        # What has gathered comes before it in the log, where it can be written at all.
        if not self._runner.flush():
            return None
        return self._journal.record(kind, cause, body, rows)

    def documents(self) -> Sequence[DocumentRow]:
        """See `ports.SignalListener`."""
        return self._journal.documents()

    def forget_documents(self, until: UnixTime) -> None:
        """See `ports.SignalListener`."""
        self._journal.forget_documents(until)

    def moments(self) -> Sequence[UnixTime]:
        """See `ports.SignalListener`."""
        return self._control.wall.moments(self._now(), self._wall_clock())

    def cosigned(self) -> Mapping[str, float]:
        """See `ports.SignalListener`."""
        return self._others.cosigned()

    def points(self, source: str) -> Points:
        """See `ports.SignalListener`."""
        found = points(self._control, source, self._now())
        return found if self._meter is None else evolve(found, hz=self._meter.hertz)

    def describe(self, source: str, text: str) -> None:
        """See `ports.SignalListener`."""
        self._control.said_of[source] = text

    def clock_off(self, source: str, skew_s: Seconds | None) -> None:
        """See `ports.SignalListener`."""
        note_clock(self._control, source, skew_s, self._now(), self._wall_clock())
        self._runner.soon()

    def models(self) -> Sequence[ModelGroup]:
        """See `ports.SignalListener`."""
        return models(self._control)

    def needs_w(self, runs: frozenset[str]) -> Watts:
        """See `ports.SignalListener`."""
        return needs_w(self._control, runs)

    def priced(self, market: Market) -> None:
        """See `ports.SignalListener`."""
        self._control.market = market

    def _not_kept(
        self, orders: Sequence[Order], said: OrderBookState, *, lagged: bool
    ) -> Receipt:
        """Undo what was heard and could not be written down, unless it lowers.

        Args:
            orders: That were taken; none where some were withdrawn.
            said: What was said before.
            lagged: That was not all written down either.
        """
        holds = self._control.take_back(
            orders, said, NOT_WRITTEN, self._now(), self._wall_clock()
        )
        if holds:  # given again, or with the next write, it becomes durable
            why = f"{NOT_WRITTEN}: it holds while this controller runs"
            return Receipt(is_taken=False, reason=why)
        self._journal.lags = lagged
        return Receipt(is_taken=False, reason=NOT_WRITTEN)

    def _now(self) -> Seconds:
        return Seconds(self._clock.seconds())
