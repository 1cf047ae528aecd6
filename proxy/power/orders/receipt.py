"""What those who give orders are answered."""

from attrs import frozen

from protocol.units import Watts
from proxy.power.orders.order import Order


@frozen
class Receipt:
    """What became of an order.

    Attributes:
        is_taken: It is durable and in force from its `not_before` on.
        reason: Why not, if not; a sentence for who gave it.
    """

    is_taken: bool
    reason: str = ""


@frozen
class InForce:
    """What rules a site now.

    Attributes:
        budget_w: Watts; None: it has not been looked at yet.
        ruled_by: Why, for people.
        next_change: When it will be another one if nothing else is said, Unix seconds.
        orders: All that may rule, of every source.
    """

    budget_w: Watts | None = None
    ruled_by: str = ""
    next_change: float | None = None
    orders: tuple[Order, ...] = ()
