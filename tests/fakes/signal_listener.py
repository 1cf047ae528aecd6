"""A listener that takes what a signal says as the controller's does."""

from collections.abc import Sequence
from typing import Any

from attrs import evolve

from protocol.setpoint.points import Points
from protocol.units import UnixTime, Watts
from proxy.power.orders.market import Market, ModelGroup
from proxy.power.orders.order import Order
from proxy.power.orders.receipt import InForce, Receipt
from tests.fakes.kept_documents import KeptDocuments


class FakeListener(KeptDocuments):
    """Holds orders; refuses a `seq` that its source has used for another one."""

    def __init__(self) -> None:
        super().__init__()
        self.orders: list[Order] = []
        self.renewed: list[str] = []
        self.replaced: list[str] = []
        self.refuses = ""
        self.refusals: list[tuple[str, str, dict[str, Any]]] = []
        self.described: dict[str, str] = {}
        self.skews: list[tuple[str, float | None]] = []

    def take(
        self, orders: Sequence[Order], *, instead_of: str | None = None
    ) -> Receipt:
        if self.refuses:
            return Receipt(is_taken=False, reason=self.refuses)
        if instead_of is not None:
            self.replaced.append(instead_of)
            self.orders = [o for o in self.orders if o.source != instead_of]
        last = max((o.seq for o in self.orders), default=-1)
        for order in orders:
            if order.seq <= last and not self._stands(order):
                return Receipt(is_taken=False, reason=f"seq {order.seq} is used")
        self.orders += [o for o in orders if o.seq > last]
        return Receipt(is_taken=True)

    def standing(self, source: str) -> Sequence[Order]:
        return [o for o in self.orders if o.source == source]

    def in_force(self) -> InForce:
        return InForce(Watts(5.0), "an order", None, tuple(self.orders))

    def renew(self, source: str) -> None:
        self.renewed.append(source)

    def refused(self, source: str, why: str, body: dict[str, Any]) -> None:
        self.refusals.append((source, why, body))

    def points(self, source: str) -> Points:
        return Points(power_w=5.0, last_order=len(self.standing(source)))

    def describe(self, source: str, text: str) -> None:
        self.described[source] = text

    def clock_off(self, source: str, skew_s: float | None) -> None:
        self.skews.append((source, skew_s))

    def watts_at(self, at: float) -> float | None:
        """What the order with the highest seq that is valid says."""
        valid = [o for o in self.orders if o.is_valid(UnixTime(at))]
        return max(valid, key=lambda o: o.seq).watts if valid else None

    def _stands(self, order: Order) -> bool:
        return any(
            evolve(o, received_at=order.received_at) == order for o in self.orders
        )

    def models(self) -> Sequence[ModelGroup]:
        return ()

    def needs_w(self, _: frozenset[str]) -> Watts:
        return Watts(0.0)

    def priced(self, market: Market) -> None:
        pass
