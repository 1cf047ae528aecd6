"""A price as a signal: machines that earn less than their electricity costs rest.

It looks at its document, decides for each model of the site's machines
(`price_decision`), and says as an order what those draw that go on. The planner sheds
the least efficient first, as the price does. A price that is not known raises nothing.
"""

from collections.abc import Sequence
from typing import ClassVar
from zoneinfo import ZoneInfo

from attrs import define, field, frozen
from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from protocol.prices.curve import PriceCurve, PriceError, PriceInterval, updated
from protocol.units import Seconds, UnixTime, Watts
from proxy.power.control.wall_clock import SteadyClock
from proxy.power.orders.market import Market, ModelGroup
from proxy.power.orders.order import Order
from proxy.power.ports import SignalListener
from proxy.runtime.periodic import PeriodicService
from proxy.runtime.tasks import Tasks
from proxy.signals.adders import Adder, adders_at
from proxy.signals.named import NamedSignal
from proxy.signals.numbering import next_seq
from proxy.signals.price_decision import PriceDecision, PricePolicy
from proxy.signals.price_document import Document, PriceFormat
from proxy.signals.price_worth import Worth
from proxy.signals.refusals import Refusals

LOOK_EVERY = Seconds(5.0)
"""What hashes earn, machines that come and go; where a price changes, it is looked at
once that begins."""

JUST_AFTER = Seconds(0.05)
"""A clock's step: a look before a price has begun would find the one before."""

KEPT_FOR = Seconds(3600.0)
"""A price that is over is kept for so long, for a clock that is set back."""

NEAR = 0.005
"""Of the contract: an order that moved by less is not given anew. Less than the guard
that is kept under each budget (`GuardParams.unmeasured`)."""

UTC = ZoneInfo("UTC")

POLL = Seconds(300.0)
"""How often a document is read; day-ahead prices come once a day, about noon."""


@frozen
class PriceSettings:
    """What a price signal is told by the configuration.

    Attributes:
        lease_s: None: prices speak for the time ahead.
        zone: Whose clock the adders go by.
        poll_s: How often the document is read.
    """

    site: str
    name: str
    budget_w: Watts
    format: PriceFormat
    policy: PricePolicy
    adders: tuple[Adder, ...] = ()
    zone: ZoneInfo = UTC
    poll_s: Seconds = POLL
    lease_s: ClassVar[Seconds | None] = None


@define(eq=False, repr=False)
class PriceSignal(NamedSignal):
    """The signal; `document` None: prices are only heard, as of OpenADR.

    Attributes:
        worth: What hashes earn.
    """

    _log = Logger()

    _settings: PriceSettings
    _document: Document | None
    worth: Worth
    _clock: IReactorTime
    _wall_clock: SteadyClock
    _listener: SignalListener | None = field(default=None, init=False)
    _curve: PriceCurve = field(factory=PriceCurve, init=False)
    _decision: PriceDecision = field(init=False)
    _last: Order | None = field(default=None, init=False)
    _last_seq: int = field(default=0, init=False)
    _shed: tuple[str, ...] = field(default=(), init=False)
    _read_at: float | None = field(default=None, init=False)
    _is_reading: bool = field(default=False, init=False)
    _tasks: Tasks = field(factory=Tasks, init=False)
    _next: IDelayedCall | None = field(default=None, init=False)  # when a price begins
    _refusals: Refusals = field(init=False)
    _looks: PeriodicService = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._decision = PriceDecision(self._settings.policy)
        self._refusals = Refusals(self._settings.name)
        self._looks = PeriodicService(LOOK_EVERY, self._look, self._clock)

    def start(self, listener: SignalListener) -> None:
        """See `SignalSource`."""
        self._listener = listener
        standing = listener.standing(self.name)
        self._last = max(standing, key=lambda order: order.seq, default=None)
        if self._last is not None:
            self._last_seq = self._last.seq
            # When each model was shed is forgotten: as if all had been with that order.
            age = max(0.0, self._wall_clock() - self._last.received_at)
            rest = max(0.0, self._settings.policy.min_off_s - age)
            self._decision.rest_until = Seconds(self._now() + rest)
        self.worth.start(self._refuse_worth)
        self._looks.startService()

    async def stop(self) -> None:
        """See `SignalSource`."""
        self._listener = None
        self._look_at(None)
        await self._looks.stopService()
        await self._tasks.cancel_all()
        await self.worth.stop()
        if self._document is not None:
            await self._document.close()

    def heard(self, curve: PriceCurve) -> None:
        """See `PriceSink`."""
        self._curve = self._settings.format.checked(curve)
        if self._listener is not None:
            self._decide(self._listener)

    async def _look(self) -> None:
        due = self._read_at is None or self._now() - self._read_at >= self._poll_s
        if self._document is not None and due and not self._is_reading:
            self._is_reading, self._read_at = True, self._now()
            self._tasks.start(f"read {self.name}", self._read(self._document))
        if self._listener is not None:
            self._decide(self._listener)

    @property
    def _poll_s(self) -> float:
        return self._settings.poll_s

    async def _read(self, document: Document) -> None:
        try:
            found = self._settings.format.read(await document.read(self._wall_clock()))
            since = UnixTime(self._wall_clock() - KEPT_FOR)
            self._curve = updated(self._curve, found, since)
        except PriceError as error:
            self._refuse(f"{error}; the prices that are known hold")
            return
        except CancelledError:
            raise
        except Exception as error:  # noqa: BLE001  (whatever it is, it is told)
            self._log.failure("{name} cannot be read", name=self.name)
            why = f"cannot be read: {type(error).__name__}"
            self._refuse(f"{why}; the prices that are known hold")
            return
        finally:
            self._is_reading = False
        if self._listener is not None:
            if self._price(self._wall_clock()) is not None:
                self._listener.renew(self.name)
            self._decide(self._listener)

    def _refuse(self, why: str, peer: str = "document") -> None:
        if self._listener is not None:
            now = Seconds(self._now())
            self._refusals.tell(self._listener, now, peer, why)

    def _refuse_worth(self, why: str) -> None:
        self._refuse(why, "hashprice")

    # what it makes of it

    def _decide(self, listener: SignalListener) -> None:
        at, groups = self._wall_clock(), listener.models()
        found, adders = self._price(at), self._adders(at)
        price = None if found is None else found.per_mwh
        self._look_at(None if found is None else found.ends)
        hashprice = self.worth.hashprice()
        runs = self._decision.decide(
            groups, price, adders, hashprice, Seconds(self._now())
        )
        if price is None or hashprice is None:
            self._refuse(self._what_lacks(price))
        if runs is not None:
            self._shed = tuple(sorted({g.model for g in groups} - runs))
            self._say(listener, groups, runs, price, adders)
        elif self._last is None:
            # Never decided, and nothing says what it costs: what a price steers rests.
            self._shed = tuple(sorted({g.model for g in groups}))
            self._say(listener, groups, frozenset(), None, adders)
        listener.priced(
            Market(
                self.name,
                price,
                adders,
                self._settings.format.currency or self._curve.currency,
                hashprice,
                None if found is None else found.ends,
                self._curve.ends,
                self._shed,
                self.worth.says,
            )
        )

    def _look_at(self, end: UnixTime | None) -> None:
        """Decide again as soon as the price of now has ended, where that is near."""
        if self._next is not None and self._next.active():
            self._next.cancel()
        left = None if end is None else end - self._wall_clock()
        if left is not None and 0.0 < left <= LOOK_EVERY:
            self._next = self._clock.callLater(left + JUST_AFTER, self._price_ended)

    def _price_ended(self) -> None:
        if self._listener is not None:
            self._decide(self._listener)

    def _what_lacks(self, price: float | None) -> str:
        what = "price of now" if price is None else "hashprice"
        return f"no {what} is known: on_missing = {self._settings.policy.on_missing}"

    def _price(self, at: UnixTime) -> PriceInterval | None:
        """Return the price of now, the dearer one where the time is in doubt."""
        doubted = self._wall_clock.doubted()
        moments = [at] if doubted is None else [at, doubted]
        found = [self._curve.at(moment) for moment in moments]
        known = [one for one in found if one is not None]
        if len(known) < len(found):
            return None
        return max(known, key=lambda one: one.per_mwh)

    def _adders(self, at: UnixTime) -> float:
        return adders_at(self._settings.adders, at, self._settings.zone)

    def _say(
        self,
        listener: SignalListener,
        groups: Sequence[ModelGroup],
        runs: frozenset[str],
        price: float | None,
        adders: float,
    ) -> None:
        budget = self._settings.budget_w
        watts = budget
        # Of machines that are not there yet nobody knows whether they earn it.
        if self._shed or not groups:
            watts = Watts(min(budget, listener.needs_w(runs)))
        reason = self._reason(groups, price, adders)
        last = self._last
        is_near = last is not None and abs(last.watts - watts) <= NEAR * budget
        # The reason names what is shed: another decision is another order.
        if last is not None and is_near and _shed_of(last.reason) == _shed_of(reason):
            return
        now = self._wall_clock()
        order = Order(
            site=self._settings.site,
            watts=watts,
            seq=next_seq(self._last_seq, now),
            source=self.name,
            not_before=UnixTime(0.0),
            received_at=now,
            reason=reason,
        )
        receipt = listener.take([order])
        if receipt.is_taken:
            self._last, self._last_seq = order, order.seq
        else:
            self._refuse(receipt.reason)

    def _reason(
        self, groups: Sequence[ModelGroup], price: float | None, adders: float
    ) -> str:
        currency = self._settings.format.currency or self._curve.currency
        of = f"{currency}/MWh".lstrip("/")
        said = "no price" if price is None else f"{price + adders:.2f} {of}"
        rest = ", ".join(self._shed) if self._shed else "none"
        return f"{said}; at rest: {rest if groups else 'none'}"[:256]

    def _now(self) -> float:
        return self._clock.seconds()


def _shed_of(reason: str) -> str:
    return reason.partition("; at rest: ")[2]
