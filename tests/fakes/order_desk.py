"""A listener that holds orders in a real order book, under a virtual clock."""

from collections.abc import Sequence
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.internet.task import Clock
from zope.interface import implementer

from protocol.setpoint.points import Points
from protocol.units import Seconds, UnixTime, Watts
from proxy.power.orders.budget import Budget, Envelope, voices_of
from proxy.power.orders.market import Market, ModelGroup
from proxy.power.orders.order import Order
from proxy.power.orders.orders import OrderBook
from proxy.power.orders.receipt import InForce, Receipt
from tests.fakes.kept_documents import KeptDocuments

NOW = 1_764_000_000.0
BUDGET, FAIL_SAFE = Watts(1_000_000.0), Watts(100_000.0)


class Port:
    """A port that was had.

    Attributes:
        takes: It accepts connections now.
    """

    takes = True
    numberAccepts = 100  # noqa: N815

    def stopReading(self) -> None:  # noqa: N802
        self.takes = False

    def startReading(self) -> None:  # noqa: N802
        self.takes = True

    def getHost(self) -> IPv4Address:  # noqa: N802
        return IPv4Address("TCP", "127.0.0.1", 1502)

    def stopListening(self) -> None:  # noqa: N802
        pass


@implementer(IStreamServerEndpoint)
class Endpoint:
    """Keeps the factory that listens."""

    factory: Any = None
    port: Port

    def listen(self, factory: Any) -> "Deferred[Any]":
        factory.doStart()
        self.factory, self.port = factory, Port()
        return succeed(self.port)


class OrderDesk(KeptDocuments):
    """A site's order book and what was refused."""

    def __init__(self, leases: dict[str, Seconds | None]) -> None:
        super().__init__()
        self.clock = Clock()
        self.book = OrderBook("hall-a", Envelope(BUDGET, FAIL_SAFE), leases)
        self.refusals: list[tuple[str, str, dict[str, Any]]] = []
        self.taken: list[Order] = []
        self.refuses = ""
        self.described: dict[str, str] = {}
        self.skews: list[tuple[str, float | None]] = []
        self.groups: list[ModelGroup] = []
        self.market = Market("none")

    @property
    def wall(self) -> UnixTime:
        return UnixTime(NOW + self.clock.seconds())

    @property
    def budget(self) -> Budget:
        return self.book.budget(Seconds(self.clock.seconds()), (self.wall,))

    def take(
        self, orders: Sequence[Order], *, instead_of: str | None = None
    ) -> Receipt:
        if self.refuses:
            return Receipt(is_taken=False, reason=self.refuses)
        self.taken += orders
        now = Seconds(self.clock.seconds())
        return self.book.take(orders, now, (self.wall,), instead_of)

    def describe(self, source: str, text: str) -> None:
        self.described[source] = text

    def clock_off(self, source: str, skew_s: float | None) -> None:
        self.skews.append((source, skew_s))

    def standing(self, source: str) -> Sequence[Order]:
        return [o for o in self.book.orders if o.source == source]

    def in_force(self) -> InForce:
        return InForce(self.budget.watts, self.budget.reason)

    def renew(self, source: str) -> None:
        self.book.renew(source, Seconds(self.clock.seconds()))

    def refused(self, source: str, why: str, body: dict[str, Any]) -> None:
        self.refusals.append((source, why, body))

    def points(self, source: str) -> Points:
        said = tuple(self.standing(source))
        signals = self.book.signals(Seconds(self.clock.seconds()))
        voice = next(v for v in voices_of(said, signals) if v.name == source)
        ends = voice.lapses_at(self.wall)
        return Points(
            power_w=float(len(said)),
            budget_w=self.budget.watts,
            lease_left_s=None if ends is None else max(0.0, ends - self.wall),
        )

    def models(self) -> Sequence[ModelGroup]:
        return self.groups

    def needs_w(self, runs: frozenset[str]) -> Watts:
        return Watts(sum(g.count * g.watts for g in self.groups if g.model in runs))

    def priced(self, market: Market) -> None:
        self.market = market
