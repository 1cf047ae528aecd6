"""The budget that documents make, handed over to the site's orders whole.

It is said for all times, so that a clock that is stepped finds its watts there.
"""

from attrs import define, field
from twisted.logger import Logger

from protocol.oversight.council import Council
from protocol.units import UnixTime, Watts
from proxy.power.orders.order import Order
from proxy.power.ports import SignalListener
from proxy.signals.numbering import next_seq

_SEQS_PER_SECOND = 100_000
"""Above the pieces of one curve, which are numbered from its moment on."""


@define(eq=False, repr=False)
class BudgetCurve:
    """Hands over what may be drawn from now on, instead of what was said before.

    Attributes:
        is_given: The last one was taken.
    """

    _log = Logger()

    _site: str
    _name: str
    is_given: bool = field(default=False, init=False)
    _last_seq: int = field(default=0, init=False)

    def give(self, listener: SignalListener, council: Council) -> None:
        """Hand over B(t), as documents make it."""
        moments = listener.moments()
        now = min(moments)
        found = [
            piece
            for piece in council.pieces(0.0)
            if piece.end is None or piece.end > now
        ]
        first = next_seq(self._last_seq, moments[0], _SEQS_PER_SECOND)
        orders = [
            Order(
                site=self._site,
                watts=Watts(float(piece.watts)),
                seq=first + at,
                source=self._name,
                not_before=UnixTime(piece.start),
                received_at=moments[0],
                expires=None if piece.end is None else UnixTime(piece.end),
                reason=piece.why,
            )
            for at, piece in enumerate(found)
        ]
        self._last_seq = orders[-1].seq
        receipt = listener.take(orders, instead_of=self._name)
        self.is_given = receipt.is_taken
        if not receipt.is_taken:
            text = "{name}: the budget that documents make was refused: {why}"
            self._log.error(text, name=self._name, why=receipt.reason)
