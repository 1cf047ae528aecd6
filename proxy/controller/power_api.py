"""What operators ask of a site's power, and the orders that they give."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from attrs import define
from msgspec import Struct

from protocol.units import Seconds, UnixTime, Watts
from proxy.config.power import OPERATOR
from proxy.controller.answers import AskError, OrderResult
from proxy.controller.cluster_api import clear_site, set_site
from proxy.controller.cluster_part import ClusterPart
from proxy.controller.control_loop import SiteLoop
from proxy.controller.site_listener import NOT_WRITTEN
from proxy.power.orders.order import Order
from proxy.power.views.cells import CellsView, cells
from proxy.power.views.show import consequence, dry_run, machines, show
from proxy.power.views.views import MachineView, PlanView, PowerView
from proxy.runtime.quantities import si
from proxy.signals.signed.letters import Reply
from proxy.signals.signed.source import SignedDocuments
from proxy.signals.signed.views import DocumentsView, documents_view


class DocumentAnswer(Struct):
    """What became of a signed document.

    Attributes:
        status: As over HTTP; see `signals/signed/letters`.
    """

    status: int
    reply: Reply


@define(eq=False, repr=False)
class PowerApi:
    """Answers of all sites' power."""

    loops: Mapping[str, SiteLoop]
    now: Callable[[], Seconds]
    wall_clock: Callable[[], UnixTime]
    cluster: Callable[[], ClusterPart | None]

    def show(self, site: str | None = None) -> list[PowerView]:
        """Return the power of a site, or of all."""
        names = list(self.loops) if site is None else [self._loop(site).control.name]
        found = (show(self.loops[n].control, self.now()) for n in names)
        return [view for view in found if view is not None]

    async def set(
        self, site: str, watts: float, for_s: float | None = None, reason: str = ""
    ) -> OrderResult:
        """Give an order; it holds for a time, or until it is cleared."""
        if (cluster := self._cluster_of(site)) is not None:
            return await set_site(cluster, site, watts, for_s, reason)
        loop, at = self._loop(site), self.wall_clock()
        would = dry_run(loop.control, Watts(watts), self.now())
        order = Order(
            site=site,
            watts=Watts(watts),
            seq=loop.control.orders.next_seq(OPERATOR),
            source=OPERATOR,
            not_before=at,
            received_at=at,
            expires=None if for_s is None else UnixTime(at + for_s),
            reason=reason,
        )
        receipt = loop.listener.take([order])
        if not receipt.is_taken:
            raise AskError(receipt.reason)
        would_be = consequence(would, Watts(watts))
        return self._given(loop, f"order of {si(watts, 'W')} taken{would_be}")

    async def clear(self, site: str) -> OrderResult:
        """Take back what operators have ordered."""
        if (cluster := self._cluster_of(site)) is not None:
            return await clear_site(cluster, site)
        loop = self._loop(site)
        count = loop.listener.clear(OPERATOR, "cleared by an operator")
        if count is None:
            raise AskError(NOT_WRITTEN)
        if not count:
            raise AskError(f"no operator's order is in force at {site}")
        return self._given(loop, f"{count} orders cleared")

    def forget(self, site: str, machines: str) -> OrderResult:
        """Count no more watts for absent machines that an operator knows to be off."""
        loop = self._loop(site)
        count = loop.forget(machines)
        if not count:
            raise AskError(f"no machine {machines!r} is absent at {site}")
        return self._given(loop, f"{count} machines forgotten")

    def plan(self, site: str, watts: float | None = None) -> PlanView:
        """Return what would be done under a budget; nothing is.

        Without `watts`: under what would rule once operators' orders are cleared.
        """
        control = self._loop(site).control
        ruled_by = ""
        if watts is None:
            moments = control.wall.moments(self.now(), self.wall_clock())
            budget = control.orders.budget(self.now(), moments, without=OPERATOR)
            watts, ruled_by = budget.watts, budget.reason
        view = dry_run(control, Watts(watts), self.now())
        if view is None:
            raise AskError(f"{site} has not been looked at yet: try again")
        view.ruled_by = ruled_by
        return view

    def machines(
        self,
        site: str,
        filter: str = "*",  # noqa: A002  (a parameter on the wire)
        page: int = 0,
    ) -> list[MachineView]:
        """Return a page of a site's machines."""
        return machines(self._loop(site).control, self.now(), filter, max(0, page))

    def cells(self, site: str, what: str, page: int = 0) -> CellsView:
        """Return a page of a site's connections, with what a map shows of each."""
        return cells(self._loop(site).control, self.now(), what, max(0, page))

    def document(self, site: str, envelope: dict[str, Any]) -> DocumentAnswer:
        """Hand a signed document in; whoever brings it, its signatures count."""
        source = self._signed(site)
        answer = source.receive(msgspec.json.encode(envelope), OPERATOR)
        return DocumentAnswer(answer.status, answer.reply)

    def documents(self, site: str | None = None) -> list[DocumentsView]:
        """Return what signed documents make of a site, or of all that have them."""
        if site is not None:
            return [documents_view(self._signed(site))]
        found = (loop.signed for loop in self.loops.values())
        return [documents_view(source) for source in found if source is not None]

    def check_site(self, site: str) -> None:
        """Refuse a site that has no budget.

        Raises:
            AskError: It has none; the message names those that have.
        """
        self._loop(site)

    def _signed(self, site: str) -> SignedDocuments:
        source = self._loop(site).signed
        if source is None:
            raise AskError(f"{site} has no signal of kind signed")
        return source

    def _cluster_of(self, site: str) -> ClusterPart | None:
        """Return the cluster if `site` is one of its sites, and no hall."""
        cluster = self.cluster()
        return cluster if cluster is not None and site in cluster.candidates else None

    def _loop(self, site: str) -> SiteLoop:
        if self._cluster_of(site) is not None:
            raise AskError(f"{site} has several halls: baseload cluster status")
        if site not in self.loops:
            known = ", ".join(self.loops)
            raise AskError(f"no site {site!r} has a budget: there are {known}")
        return self.loops[site]

    def _given(self, loop: SiteLoop, what: str) -> OrderResult:
        control = loop.control
        moments = control.wall.moments(self.now(), self.wall_clock())
        budget = control.orders.budget(self.now(), moments)
        text = f"{what}: budget {si(budget.watts, 'W')} by {budget.reason}"
        return OrderResult(control.name, budget.watts, budget.reason, text)
