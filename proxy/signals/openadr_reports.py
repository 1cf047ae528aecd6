"""Reports to a utility, filed so that it can still cancel its events.

Servers refuse to delete an event that a report names (openleadr-vtn: 409). So all goes
to the events that ask for reports and limit nothing, where there is one. Where none is,
each event with a limit gets its own, and that is taken back `STANDS` later, unless the
event asked for it. What an earlier run has left behind is taken back at the start.
"""

from collections.abc import Callable

from attrs import define, field
from twisted.logger import Logger

from protocol.openadr.book import Verdict
from protocol.openadr.reports import Ack, Measured, report_of
from protocol.units import Seconds, UnixTime
from proxy.power.ports import SignalListener
from proxy.signals.openadr_session import VtnError
from proxy.signals.openadr_vtn import Vtn

STANDS = Seconds(10.0)
"""How long a report that nobody asked for stands: servers tell subscribers at once."""

WITHIN = Seconds(5.0)
"""For all requests of a round but the last: the events are to be looked at again."""

MAX_REPORTED = 8
"""Events that are reported on in a round: each is a request."""


@define(eq=False, repr=False)
class Reporter:
    """Reports each `report_s`, and at once when what became of an event changes."""

    _log = Logger()

    _vtn: Vtn
    _site: str
    _node: str
    _report_s: Seconds
    _now: Callable[[], Seconds]
    _ids: dict[str, str] = field(factory=dict, init=False)  # of reports, by event
    _to_withdraw: dict[str, float] = field(factory=dict, init=False)  # by report: when
    _acks: tuple[Ack, ...] = field(default=(), init=False)
    _due: float = field(default=0.0, init=False)
    _since: tuple[UnixTime, Seconds] | None = field(default=None, init=False)
    _sum: float = field(default=0.0, init=False)
    _count: int = field(default=0, init=False)
    _is_clean: bool = field(default=False, init=False)
    _fault: str = field(default="", init=False)

    def sample(self, power_w: float | None) -> None:
        """Take note of what the site draws."""
        if power_w is not None:
            self._sum += power_w
            self._count += 1

    async def go_on(
        self, verdict: Verdict, listener: SignalListener, name: str, at: UnixTime
    ) -> None:
        """Report if that is due, take back what has stood for long enough."""
        until = self._now() + WITHIN
        try:
            await self._clean()
            await self._take_back(until)
            if self._now() >= self._due or verdict.acks != self._acks:
                budget = listener.points(name).budget_w
                await self._report(verdict, self._measured(budget, at), until)
                self._next(verdict)
            self._say("")
        except VtnError as error:
            self._next(verdict)
            self._say(str(error))

    def seconds_left(self) -> float:
        """Return the seconds until something is due."""
        due = min([self._due, *self._to_withdraw.values()])
        return max(0.0, due - self._now())

    def _next(self, verdict: Verdict) -> None:
        self._acks = verdict.acks
        if self._now() >= self._due:
            self._due = self._now() + self._report_s

    async def _clean(self) -> None:
        if self._is_clean:
            return
        self._is_clean = True  # asked once: whoever may not list reports asks in vain
        # Another round takes back what this one has no time for.
        for report_id in await self._vtn.own_reports(self._node):
            self._to_withdraw[report_id] = self._now()

    async def _take_back(self, until: float) -> None:
        for report_id, when in list(self._to_withdraw.items()):
            if when <= self._now() < until:
                await self._vtn.withdraw(report_id)
                del self._to_withdraw[report_id]

    async def _report(self, verdict: Verdict, measured: Measured, until: float) -> None:
        acks = verdict.acks
        for event_id, stays in self._where(verdict)[:MAX_REPORTED]:
            if self._now() >= until:
                break
            own = tuple(ack for ack in acks if ack.event_id == event_id)
            said = acks if verdict.asking else own
            report = report_of(event_id, self._node, self._site, measured, said)
            report_id = await self._vtn.report(report, self._ids.get(event_id))
            if stays:
                self._ids[event_id] = report_id
            else:
                self._to_withdraw[report_id] = self._now() + STANDS
        listed = {ack.event_id for ack in acks}
        self._ids = {e: r for e, r in self._ids.items() if e in listed}

    def _where(self, verdict: Verdict) -> list[tuple[str, bool]]:
        """Return the events that are reported on, and whether reports stay there."""
        if verdict.asking:
            return [(event_id, True) for event_id in verdict.asking]
        if self._now() >= self._due:
            return list(verdict.limiting)
        # Not due: what became of these has changed.
        new = {ack.event_id for ack in set(verdict.acks) - set(self._acks)}
        return [
            (event_id, asks) for event_id, asks in verdict.limiting if event_id in new
        ]

    def _measured(self, budget_w: float | None, at: UnixTime) -> Measured:
        """Return what was drawn since the last report."""
        now = self._now()
        begun, since = self._since or (at, now)
        demand = self._sum / self._count if self._count else None
        self._since, self._sum, self._count = (at, now), 0.0, 0
        return Measured(begun, Seconds(now - since), demand, budget_w)

    def _say(self, fault: str) -> None:
        """Log once that reports are not taken, and once that they are again."""
        if fault and not self._fault:
            self._log.warn("reports are not taken: {why}", why=fault)
        elif self._fault and not fault:
            self._log.info("reports are taken again")
        self._fault = fault
