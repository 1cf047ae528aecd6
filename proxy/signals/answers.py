"""What orders were answered, so that a repeated one gets the same answer."""

from collections import OrderedDict
from collections.abc import Iterable

from attrs import define, field

from proxy.power.orders.order import Order
from proxy.signals.http_body import HttpReply, OrderBody

MAX_ANSWERS = 1000
"""Orders whose answer is remembered, so that a repeated one gets it again."""

OTHER = "another order had this id or seq"


@define
class Answers:
    """Answers by the name that a caller gave its order: its id, else its seq."""

    _known: OrderedDict[int | str, tuple[str, HttpReply]] = field(
        factory=OrderedDict, init=False
    )

    def restore(self, standing: Iterable[Order]) -> None:
        """Take in orders that a restart found: repeated, they are answered as then."""
        for order in standing:
            answer = HttpReply(taken=True, seq=order.seq)
            self._keep(order.id or order.seq, order.told, answer)

    def of(self, body: OrderBody) -> HttpReply | None:
        """Return what the order was answered; None: it was not heard before.

        The same name for something else is a mistake of the caller's, and no
        repetition: what is returned refuses it.
        """
        name = body.id if body.id is not None else body.seq
        known = None if name is None else self._known.get(name)
        if known is None:
            return None
        told, answer = known
        if body.digest == told:
            return answer
        return HttpReply(taken=False, seq=answer.seq, reason=OTHER)

    def remember(self, body: OrderBody, answer: HttpReply) -> None:
        """Keep what an order was answered, if it has a name."""
        name = body.id if body.id is not None else body.seq
        if name is not None:
            self._keep(name, body.digest, answer)

    def _keep(self, name: int | str, told: str, answer: HttpReply) -> None:
        self._known[name] = (told, answer)
        while len(self._known) > MAX_ANSWERS:
            self._known.popitem(last=False)
