"""What operators ask of the controller, and the answers."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from inspect import isawaitable, signature
from typing import Any, Protocol

import msgspec
from attrs import define, field
from msgspec import Raw, Struct
from twisted.logger import Logger

from protocol.units import Seconds, UnixTime, Watts
from protocol.unreadable import UNREADABLE
from proxy.config import Config
from proxy.config.power import OPERATOR
from proxy.controller.answers import AskError, LeaveResult, OrderResult
from proxy.controller.cluster_api import (
    clear_site,
    leave_cluster,
    no_cluster_here,
    set_site,
)
from proxy.controller.cluster_part import ClusterPart
from proxy.controller.control_loop import NOT_WRITTEN, SiteLoop
from proxy.controller.transparency import LogSide, LogView
from proxy.oversight.generation import GenerationError
from proxy.power.journal.chain import Row
from proxy.power.journal.store import Store, StoreError
from proxy.power.link.messages import MAX_LINE_BYTES, Ask, AskAnswer
from proxy.power.link.setup import config_from
from proxy.power.orders.order import Order
from proxy.power.views.cells import CellsView, cells
from proxy.power.views.show import consequence, dry_run, machines, show
from proxy.power.views.views import MachineView, PlanView, PowerView
from proxy.runtime.awaiting import failures_logged
from proxy.signals.signed.letters import Reply
from proxy.signals.signed.source import SignedDocuments
from proxy.signals.signed.views import DocumentsView, documents_view

MAX_HISTORY = 1000
MAX_HISTORY_BYTES = 800_000
"""Of events in one answer: with `before` the others can be had."""

MAX_ANSWER_BYTES = MAX_LINE_BYTES - 1000
"""A longer one would cost the link, and the controller with it."""


class SetupTaker(Protocol):
    """Whoever has the sites under control."""

    def check(self, config: Config) -> None:
        """Look whether `take_on` can be done; nothing is.

        Raises:
            ValueError, ImportError, OSError: It cannot.
        """

    async def take_on(self, config: Config) -> None:
        """Hold the sites to their budgets as `config` says from now on."""


class LogHolder(Protocol):
    """Whoever publishes the log for others."""

    log_side: LogSide | None


Run = Callable[[Callable[[], Any]], Awaitable[Any]]
"""Runs a function where it may take its time: on a thread, if not in a test."""

_encode = msgspec.json.encode


class EventView(Struct):
    """An event of the log."""

    id: int
    at: float
    site: str
    kind: str
    cause: str
    body: Raw
    hash: str


class EventPage(Struct):
    """Events, the newest first.

    Attributes:
        broken_at: Id of the first event that was tampered with; null if none was, or
            if nobody asked.
        is_checked: Every event's hash was held against the one before.
    """

    events: list[EventView]
    is_checked: bool
    broken_at: int | None


class DocumentAnswer(Struct):
    """What became of a signed document.

    Attributes:
        status: As over HTTP; see `signals/signed/letters`.
    """

    status: int
    reply: Reply


@define(eq=False, repr=False)
class ControllerApi:
    """Answers for all sites."""

    _log = Logger()

    loops: Mapping[str, SiteLoop]
    store: Store
    now: Callable[[], Seconds]
    wall_clock: Callable[[], UnixTime]
    run: Run
    setups: SetupTaker
    logs: LogHolder
    cluster: Callable[[], ClusterPart | None] = no_cluster_here
    _is_checking: bool = field(default=False, init=False)

    async def answer(self, ask: Ask) -> AskAnswer:
        """Return the answer to a request; no request is worth the controller."""
        refusal = f"{ask.method} failed: see the log of the proxy"
        with failures_logged(self._log, "{method} failed", method=ask.method):
            try:
                result = _encode(await self._result(ask))
                if len(result) <= MAX_ANSWER_BYTES:
                    return AskAnswer(ask.id, Raw(result))
                refusal = f"answer of {len(result)} B > {MAX_ANSWER_BYTES} B"
            except (AskError, StoreError) as error:
                refusal = str(error)
        return AskAnswer(ask.id, Raw(b"null"), refusal)

    async def _result(self, ask: Ask) -> Any:
        try:
            method = self._methods[ask.method]
            signature(method).bind(**ask.params)
        except (KeyError, TypeError) as error:
            raise AskError(f"no method {ask.method!r} like this") from error
        found = method(**ask.params)
        return await found if isawaitable(found) else found

    @property
    def _methods(self) -> dict[str, Callable[..., Any]]:
        return {
            "power.show": self.show,
            "power.set": self.set,
            "power.clear": self.clear,
            "power.forget": self.forget,
            "power.plan": self.plan,
            "power.history": self.history,
            "power.machines": self.machines,
            "log.status": self.log_status,
            "log.new_generation": self.new_generation,
            "power.cells": self.cells,
            "power.document": self.document,
            "power.documents": self.documents,
            "action.note": self.note_action,
            "cluster.status": self.cluster_status,
            "cluster.leave": self.cluster_leave,
            "setup.check": self.check_setup,
            "setup.take": self.take_setup,
        }

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
        orders = loop.control.orders
        receipt = loop.take(
            [
                Order(
                    site=site,
                    watts=Watts(watts),
                    seq=orders.next_seq(OPERATOR),
                    source=OPERATOR,
                    not_before=at,
                    received_at=at,
                    expires=None if for_s is None else UnixTime(at + for_s),
                    reason=reason,
                )
            ]
        )
        if not receipt.is_taken:
            raise AskError(receipt.reason)
        return self._given(loop, f"order of {watts:g} W taken{consequence(would)}")

    async def clear(self, site: str) -> OrderResult:
        """Take back what operators have ordered."""
        if (cluster := self._cluster_of(site)) is not None:
            return await clear_site(cluster, site)
        loop = self._loop(site)
        count = loop.clear(OPERATOR, "cleared by an operator")
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

    async def history(
        self,
        site: str | None = None,
        limit: int = 50,
        before: int | None = None,
        check: bool = False,  # noqa: FBT001, FBT002  (a parameter on the wire)
    ) -> EventPage:
        """Return events, the newest first."""
        if site is not None:
            self._loop(site)
        rows = self.store.history(site, max(1, min(limit, MAX_HISTORY)), before)
        broken = await self._check() if check else None
        return EventPage(_views(rows), check, broken)

    def log_status(self) -> LogView:
        """Return the log for others at a glance."""
        return self._log_side().view()

    async def new_generation(self) -> LogView:
        """Begin the log for others anew, under the origin of the configuration."""
        side = self._log_side()
        try:
            await side.new_generation()
        except GenerationError as error:
            raise AskError(str(error)) from error
        return side.view()

    def _log_side(self) -> LogSide:
        if self.logs.log_side is None:
            raise AskError("no log is published: see [proxy.transparency]")
        return self.logs.log_side

    def document(self, site: str, envelope: dict[str, Any]) -> DocumentAnswer:
        """Hand a signed document in; whoever brings it, its signatures count."""
        answer = self._signed(site).receive(_encode(envelope), OPERATOR)
        return DocumentAnswer(answer.status, answer.reply)

    def documents(self, site: str | None = None) -> list[DocumentsView]:
        """Return what signed documents make of a site, or of all that have them."""
        if site is not None:
            return [documents_view(self._signed(site))]
        found = (loop.signed for loop in self.loops.values())
        return [documents_view(source) for source in found if source is not None]

    def _signed(self, site: str) -> SignedDocuments:
        source = self._loop(site).signed
        if source is None:
            raise AskError(f"{site} has no signal of kind signed")
        return source

    def note_action(self, site: str | None, who: str, action: dict[str, Any]) -> None:
        """Put into the log who did what to a site, or to all, by the admin socket."""
        for name, loop in self.loops.items():
            if site in {None, name}:
                loop.note_action(f"{who}: {action.get('what')}", action)

    def check_setup(self, config: dict[str, Any]) -> None:
        """Look whether another configuration can be taken on."""
        try:
            self.setups.check(config_from(config))
        except (*UNREADABLE, ValueError, ImportError, OSError) as error:
            raise AskError(str(error)) from error

    async def take_setup(self, config: dict[str, Any]) -> None:
        """Take on another configuration: sites whose power it changes begin anew."""
        await self.setups.take_on(config_from(config))

    async def _check(self) -> int | None:
        """Hold every event against the one before, one check at a time."""
        if self._is_checking:
            raise AskError("the log is being checked: try again")
        self._is_checking = True
        try:
            broken: int | None = await self.run(self.store.first_broken)
            return broken
        finally:
            self._is_checking = False

    def cluster_status(self) -> Any:
        """Return the sites that this proxy has halls of."""
        return self._our_cluster().views()

    async def cluster_leave(self, member: str) -> LeaveResult:
        """Forget a member that is known to be off."""
        return await leave_cluster(self._our_cluster(), member)

    def _our_cluster(self) -> ClusterPart:
        cluster = self.cluster()
        if cluster is None:
            raise AskError("this proxy is in no cluster: see [cluster]")
        return cluster

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
        text = f"{what}: budget {budget.watts:g} W by {budget.reason}"
        return OrderResult(control.name, budget.watts, budget.reason, text)


def _views(rows: Iterable[Row]) -> list[EventView]:
    """Return `rows`, or as many of the first as an answer has room for."""
    views: list[EventView] = []
    room = MAX_HISTORY_BYTES
    for r in rows:
        view = EventView(r.id, r.at, r.site, r.kind, r.cause, Raw(r.text), r.hash.hex())
        room -= len(_encode(view))
        if views and room < 0:
            break
        views.append(view)
    return views
