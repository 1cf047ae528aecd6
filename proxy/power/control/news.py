"""What is logged of a site as a whole: orders, its budget and its state."""

from collections.abc import Sequence

from attrs import asdict, define

from proxy.power.control.step import Sensed
from proxy.power.journal.outbox import SiteOutbox
from proxy.power.orders.budget import Budget
from proxy.power.orders.order import Order


@define(eq=False, repr=False)
class SiteNews:
    """Logs what has become another one since the last look."""

    outbox: SiteOutbox

    def of_budget(self, before: Budget | None, budget: Budget) -> bool:
        """Log the budget if it is another one; return whether its watts are."""
        same = before is not None and before.reason == budget.reason
        if before is None or not same or before.watts != budget.watts:
            body = {"watts": budget.watts, "rule": budget.rule.value}
            self.outbox.log("budget", budget.reason, body)
        return before is None or before.watts != budget.watts

    def of_stance(self, sensed: Sensed) -> None:
        """Log changes of state."""
        for change in sensed.transitions:
            body = {"before": change.before.value, "after": change.after.value}
            self.outbox.log("state", change.reason, body)

    def of_orders(
        self, orders: Sequence[Order], before: Sequence[Order], instead_of: str | None
    ) -> None:
        """Log orders that were taken, and those of their source that they replace."""
        self.outbox.effects.has_orders = True
        if count := sum(o.source == instead_of for o in before):
            self.of_withdrawn(instead_of, count, "replaced by its source")
        for order in orders:
            self.outbox.log("order", order.reason or "an order", asdict(order))

    def of_withdrawn(self, source: str | None, count: int, cause: str) -> None:
        """Log that orders of a source are forgotten."""
        self.outbox.effects.has_orders = True
        self.outbox.log("withdraw", cause, {"source": source, "orders": count})

    def of_untaken(self, orders: Sequence[Order], why: str) -> None:
        """Log orders that were not taken: the first of them, and how many."""
        self.outbox.log("refused", why, {"orders": len(orders), **asdict(orders[0])})

    def of_refused(self, orders: Sequence[Order], why: str) -> None:
        """Log orders that were taken and could not be kept."""
        for body in [asdict(order) for order in orders] or [{}]:
            self.outbox.log("refused", why, body)
