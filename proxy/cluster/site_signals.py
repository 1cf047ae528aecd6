"""The signals of a whole site, as one of the members that list them hears them.

To a signal this is the site: a listener that takes orders, or refuses them. A word is
taken while the database answers and this member has written it down; it is in the table
within a poll, or as soon as the database answers again. What is shown of the site is of
the last look at the tables, with what waits for them.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.logger import Logger

from protocol.setpoint.points import Points
from protocol.units import Seconds, UnixTime, Watts
from proxy.cluster.candidate import Candidate
from proxy.cluster.order_table import MAX_OF_SOURCE
from proxy.cluster.orders import Note
from proxy.cluster.session import Session
from proxy.cluster.site_words import SiteWords, Word
from proxy.cluster.word_giver import WordGiver, note_refused
from proxy.power.orders.budget import Rule
from proxy.power.orders.documents import DocumentRow, Recorded
from proxy.power.orders.market import Market, ModelGroup
from proxy.power.orders.order import Order
from proxy.power.orders.orders import OrderBook
from proxy.power.orders.receipt import InForce, Receipt
from proxy.power.ports import SignalSource
from proxy.runtime.periodic import PeriodicService
from proxy.runtime.quantities import si

AWAY = "the cluster's database does not answer: nothing can be ordered"


@define(eq=False, repr=False)
class SiteSignals:
    """One member's ears for one site; see `ports.SignalListener`.

    Attributes:
        candidate: What is known of the site.
        giver: What is said goes on by it.
        signals: Started once the site has been looked at.
    """

    _log = Logger()

    candidate: Candidate
    giver: WordGiver
    note: Note
    signals: Sequence[SignalSource]
    described: dict[str, str] = field(factory=dict, init=False)
    _is_started: bool = field(default=False, init=False)
    _polls: PeriodicService = field(init=False)

    def __attrs_post_init__(self) -> None:
        poll = self.candidate.times.poll
        self._polls = PeriodicService(
            poll, self._poll, self.candidate.clock, cancels=True
        )

    @property
    def leases(self) -> dict[str, Seconds | None]:
        """Return how long each source may be silent; None: for ever."""
        return {signal.name: signal.lease_s for signal in self.signals}

    def start(self) -> None:
        """Begin; signals hear of it once the site has been looked at."""
        if self.signals:
            self.giver.words.restore()
            self._polls.startService()

    async def stop(self) -> None:
        """End; what was not given yet is given by the next life."""
        if self._is_started:
            self._is_started = False
            for signal in self.signals:
                await signal.stop()
        if self._polls.running:
            await self._polls.stopService()
        await self.giver.stop()

    # what signals say

    def take(
        self, orders: Sequence[Order], *, instead_of: str | None = None
    ) -> Receipt:
        """See `ports.SignalListener`."""
        source = instead_of or (orders[0].source if orders else "")
        if not source:
            return Receipt(is_taken=True)
        book = self._book()
        before, receipt = book.orders, self._tried(book, orders, instead_of)
        if receipt.is_taken and book.orders == before:
            self.renew(source)
        elif receipt.is_taken:
            word = Word(source, tuple(orders), instead_of is not None, self._now())
            if why := self.giver.add(word):
                receipt = Receipt(is_taken=False, reason=why)
        if not receipt.is_taken:
            self.refused(source, receipt.reason, {"orders": len(orders)})
        elif book.orders != before:
            self._note_taken(source, orders)
        return receipt

    def _tried(
        self, book: OrderBook, orders: Sequence[Order], instead_of: str | None
    ) -> Receipt:
        if self._is_away():
            return Receipt(is_taken=False, reason=AWAY)
        receipt = book.take(orders, self._now(), self.moments(), instead_of)
        source = instead_of or orders[0].source
        count = sum(order.source == source for order in book.orders)
        if receipt.is_taken and count > MAX_OF_SOURCE:
            reason = f"more than {MAX_OF_SOURCE} orders of {source}"
            return Receipt(is_taken=False, reason=reason)
        return receipt

    def renew(self, source: str) -> None:
        """See `ports.SignalListener`."""
        self.giver.renew(source)

    def refused(self, source: str, why: str, body: dict[str, Any]) -> None:
        """See `ports.SignalListener`."""
        note_refused(self.note, self.candidate, source, why, body)

    # what signals ask

    def standing(self, source: str) -> Sequence[Order]:
        """See `ports.SignalListener`."""
        return [order for order in self._book().orders if order.source == source]

    def in_force(self) -> InForce:
        """See `ports.SignalListener`."""
        budget, orders = self.candidate.budget(), tuple(self._book().orders)
        return InForce(budget.watts, budget.reason, budget.next_change, orders)

    def moments(self) -> Sequence[UnixTime]:
        """See `ports.SignalListener`."""
        return self.candidate.orders.moments(self._now())

    def points(self, source: str) -> Points:
        """See `ports.SignalListener`. Watts are of the halls that are heard."""
        found, budget = self.candidate.found, self.candidate.budget()
        seqs = [order.seq for order in self.standing(source)]
        lowered = budget.rule in {Rule.LAPSE, Rule.UNHEARD}
        power_w = None
        if found is not None:
            power_w = sum(
                figures.power_w
                for name, figures in found.figures.items()
                if not self.candidate.is_silent(name)
            )
        return Points(
            power_w=power_w,
            budget_w=budget.watts,
            lease_left_s=self._lease_left(source),
            state="failsafe" if lowered else "normal",
            last_order=max(seqs, default=None),
        )

    def _lease_left(self, source: str) -> float | None:
        lease_s = self.leases.get(source)
        silent_s = self.candidate.orders.silent_for(source, self._now())
        if lease_s is None or silent_s is None:
            return None
        return max(0.0, lease_s - silent_s)

    def describe(self, source: str, text: str) -> None:
        """See `ports.SignalListener`."""
        self.described[source] = text

    def clock_off(self, source: str, skew_s: Seconds | None) -> None:
        """See `ports.SignalListener`. A site of halls has no alarms of its own."""
        if skew_s is not None:
            text = f"the clock of {source} differs from ours by {skew_s:.0f} s"
            self._log.warn("{text}", text=text)

    # what is a hall's alone: `check-config` refuses the kinds that ask for it

    def record(
        self,
        kind: str,  # noqa: ARG002
        cause: str,  # noqa: ARG002
        body: dict[str, Any],  # noqa: ARG002
        rows: Sequence[DocumentRow] = (),  # noqa: ARG002
    ) -> Recorded | None:
        """See `ports.SignalListener`: nothing is kept here."""
        return None

    def documents(self) -> Sequence[DocumentRow]:
        """See `ports.SignalListener`."""
        return ()

    def forget_documents(self, until: UnixTime) -> None:
        """See `ports.SignalListener`."""

    def cosigned(self) -> Mapping[str, float]:
        """See `ports.SignalListener`."""
        return {}

    def models(self) -> Sequence[ModelGroup]:
        """See `ports.SignalListener`."""
        return ()

    def needs_w(self, runs: frozenset[str]) -> Watts:  # noqa: ARG002
        """See `ports.SignalListener`."""
        return Watts(0.0)

    def priced(self, market: Market) -> None:
        """See `ports.SignalListener`."""

    async def _poll(self) -> None:
        if not self._is_started and self.candidate.found is not None:
            self._is_started = True
            for signal in self.signals:
                signal.start(self)
        await self.giver.give()

    def _book(self) -> OrderBook:
        """Return what has been said: in the table, and what waits for it."""
        orders = self.candidate.orders
        book = OrderBook(orders.site, orders.envelope, orders.leases)
        book.orders = self.giver.joined(orders.standing)
        return book

    def _note_taken(self, source: str, orders: Sequence[Order]) -> None:
        site = self.candidate.site.name
        watts = [order.watts for order in orders]
        said = si(watts[0], "W") if len(watts) == 1 else f"{len(watts)} orders"
        body = {"site": site, "source": source, "watts": watts[:10]}
        self.note("order", f"{source} orders {said} for {site}", body)

    def _is_away(self) -> bool:
        answered_s = self.candidate.answered_for()
        return answered_s is None or answered_s > 3 * self.candidate.times.poll

    def _now(self) -> Seconds:
        return Seconds(self.candidate.clock.seconds())


def site_signals(
    candidate: Candidate,
    session: Session,
    path: Path,
    signals: Sequence[SignalSource],
    note: Note,
) -> SiteSignals:
    """Return a member's ears for the site of `candidate`, not started.

    Args:
        candidate: What is known of the site.
        session: For this alone.
        path: Of the file with words that wait.
        signals: None of them started.
        note: Puts an event into the logs of the halls.
    """
    giver = WordGiver(candidate, session, SiteWords(path), note)
    return SiteSignals(candidate, giver, note, signals)
