"""The share process's end of the link to the site controller.

Theory of operation
    The controller decides, this process obeys and reports: typed JSON lines over a
    socket pair, each way in order. Up to the controller go a *setup* first (its
    configuration and what is known of the miners), each second a fleet report in
    pieces that the link takes (what is not taken is not encoded), answers of `Ask`,
    and what the fail-safe did. Down come parks and grants, figures for `status`,
    events and beats.

    Silence is judged here, on this process's own clock, in two steps. A controller
    that says nothing for `HUNG_AFTER` is killed and started again by
    `supervisor.service`; it has `FIRST_WORD_WITHIN` for its first word, since a
    small board imports slowly. A site that has had no word for `LEASE`, whatever
    the reason, goes to its fail-safe (`supervisor.unheard`): enough miners are parked
    that the rest draws no more than `fail_safe_w`. What each draws at most is its
    nameplate, times the largest top over nameplate at its site that the figures told
    of: only a controller knows the limits that owners set. Parked by us is told to the
    controller when it comes back; it alone grants again, so that trust returns by its
    word and not by our guess.

    After a pause of this process itself (a suspended VM, SIGSTOP) the link is read
    before anybody's silence is judged: what waits in the socket was said in time.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import chain
from typing import Any

import msgspec
from attrs import define, field
from msgspec import Raw
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from protocol.units import Seconds, Watts
from proxy.downstream.parking import is_full
from proxy.power.link.messages import (
    CLUSTER_TOPIC,
    MAX_LINE_BYTES,
    AskAnswer,
    Beat,
    DrainedSites,
    EventNotice,
    FailSafe,
    Figures,
    FleetReport,
    GrantMiners,
    HeldMachines,
    ParkMiners,
    Setup,
    SiteFigures,
    Up,
    decode_up,
)
from proxy.runtime.link import LinkConnection, LinkFactory
from proxy.runtime.pauses import Pauses
from proxy.supervisor.failsafe import PoweredSite
from proxy.supervisor.questions import (
    ANSWER_WITHIN,
    CHECKED_WITHIN,
    AskRefusedError,
    Questions,
)
from proxy.supervisor.unheard import LEASE, UnheardSites

HUNG_AFTER = Seconds(10.0)
"""A controller that says nothing for so long is killed, and started again."""

FIRST_WORD_WITHIN = Seconds(60.0)
"""What one has for its first word: a small board imports pyasic from a slow card."""

SOON = Seconds(0.05)  # miners that join are gathered for so long


@define(eq=False, repr=False)
class ControllerLink:
    """Tells the controller of the miners, and does what it says.

    Attributes:
        setup: What the controller is told first.
        sites: By name.
        publish: Takes news: topic and value.
        kill: Ends a controller that hangs; the argument says why.
        held: Returns what operators hold off by hand.
        figures: Power of each site as last told; none once it is out of date.
        cluster: Sites of several halls that we are in, likewise, as JSON has them.
    """

    _log = Logger()

    setup: Setup
    sites: Mapping[str, PoweredSite]
    publish: Callable[[str, Any], None]
    kill: Callable[[str], None]
    clock: IReactorTime
    held: Callable[[], list[str]] = list
    factory: LinkFactory[Up] = field(init=False)
    figures: dict[str, SiteFigures] = field(factory=dict, init=False)
    cluster: list[dict[str, Any]] = field(factory=list, init=False)
    _link: LinkConnection[Up] | None = field(default=None, init=False)
    _heard_at: Seconds = field(init=False)
    _opened_at: Seconds = field(init=False)
    _pauses: Pauses = field(init=False)
    _drained: list[str] = field(factory=list, init=False)  # as it was told
    _has_spoken: bool = field(default=False, init=False)
    _unheard: UnheardSites = field(init=False)
    _questions: Questions = field(init=False)
    _messages: Iterator[FleetReport | FailSafe] | None = field(default=None, init=False)
    _soon: IDelayedCall | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self._heard_at = self._opened_at = self._now()
        self._pauses = Pauses(self._now())
        self._questions = Questions(self.clock)
        self._unheard = UnheardSites(self.sites, self.clock)
        self.factory = LinkFactory(
            decode_up,
            MAX_LINE_BYTES,
            opened=self._opened,
            received=self._received,
            lost=self._lost,
        )
        self.factory.drained = self._send_some
        for site in self.sites.values():
            site.factory.context.parking.on_join = self._report_soon

    async def ask(
        self, method: str, params: dict[str, Any], within: Seconds = ANSWER_WITHIN
    ) -> Raw:
        """Return the controller's answer, JSON.

        Raises:
            AskRefusedError: It refuses, is not there, or does not answer in time.
        """
        return await self._questions.ask(self._link, method, params, within)

    async def check(self, setup: Setup) -> None:
        """Have the controller look whether it can take on `setup`; nothing is changed.

        Raises:
            AskRefusedError: It cannot, or is not there.
        """
        await self.ask("setup.check", {"config": setup.config}, CHECKED_WITHIN)

    async def take_on(
        self, setup: Setup, sites: Mapping[str, PoweredSite], changed: Collection[str]
    ) -> None:
        """Have the controller take on `setup`; one that fails is started again with it.

        Args:
            setup: What a new controller is told first from now on.
            sites: By name.
            changed: Those that have other power settings than before.
        """
        self.setup, self.sites = setup, sites
        self._unheard.sites = sites
        self.figures = {n: one for n, one in self.figures.items() if n in sites}
        for site in sites.values():
            site.factory.context.parking.on_join = self._report_soon
        try:
            await self.ask("setup.take", {"config": setup.config}, CHECKED_WITHIN)
        except AskRefusedError as error:
            self.kill(f"other settings were not taken on: {error}")
            return
        self._messages = chain(
            self._messages or (), self._reports(is_whole=True, sites=changed)
        )
        self._report()

    def hold_off(self) -> None:
        """Tell what operators hold off by hand from now on."""
        if self._link is not None:
            self._link.send(HeldMachines(self.held()))

    def tick(self) -> None:
        """Tell what changed, and look whether the controller lives: once a second."""
        self._report()
        now = self._now()
        if self._pauses.must_listen_first(now):
            return
        hung = now - max(self._heard_at, self._opened_at)
        if self._link is not None and hung >= (
            HUNG_AFTER if self._has_spoken else FIRST_WORD_WITHIN
        ):
            self.kill(f"silent for {hung:.0f} s")
        if now - self._heard_at >= LEASE and not self._unheard.is_safe:
            self.figures, self.cluster = {}, []
            self._unheard.begin()

    def fail_safe_w(self, site: str) -> Watts:
        """Return what a site may draw while nobody says: never more than before."""
        return self._unheard.limit_w(site)

    def close(self) -> None:
        """Say goodbye: the share process stops."""
        if self._soon is not None and self._soon.active():
            self._soon.cancel()
        self._unheard.close()

    def _opened(self, link: LinkConnection[Up]) -> None:
        self._link = link
        self._opened_at = self._now()
        self._has_spoken = False  # it may never say a word
        link.send(msgspec.structs.replace(self.setup, held=self.held()))
        self._drained = []
        self._messages = chain(self._reports(is_whole=True), self._unheard.untold())
        self._report()

    def _lost(self, link: LinkConnection[Up]) -> None:
        if self._link is not link:
            return
        self._link = None
        self._messages = None
        for site in self.sites.values():
            site.factory.context.parking.end_reports()
        self._questions.refuse_all("the site controller went away")

    def _received(self, message: Up) -> None:
        self._heard_at = self._now()
        self._has_spoken = True
        kind = type(message).__name__
        with self._log.failuresHandled("{kind} of the controller failed", kind=kind):
            self._act_on(message)  # what it costs is not the link

    def _act_on(self, message: Up) -> None:
        match message:
            case Figures():
                self.figures = {one.site: one for one in message.sites}
                self._unheard.heard(message.sites)
            case ParkMiners() if message.site in self.sites:
                self.sites[message.site].factory.context.parking.park(message.miners)
                self._report_soon()
            case GrantMiners() if message.site in self.sites:
                self._unheard.granted()
                self.sites[message.site].factory.context.parking.grant(message.miners)
                self._report_soon()
            case AskAnswer():
                self._questions.answered(message)
            case EventNotice(topic=topic) if topic == CLUSTER_TOPIC:
                self.cluster = msgspec.json.decode(message.value)
            case EventNotice():
                self.publish(message.topic, msgspec.json.decode(message.value))
            case _:  # a beat
                return

    def _report_soon(self) -> None:
        if self._soon is None or not self._soon.active():
            self._soon = self.clock.callLater(SOON, self._report)

    def _report(self) -> None:
        link = self._link
        if link is None:
            return
        link.send(Beat())
        self._tell_drained(link)
        if self._messages is None:
            self._messages = self._reports(is_whole=False)
        self._send_some(link)

    def _tell_drained(self, link: LinkConnection[Up]) -> None:
        sites = self.sites.items()
        drained = [name for name, site in sites if site.factory.roster.is_draining]
        if drained != self._drained:
            self._drained = drained
            link.send(DrainedSites(drained))

    def _send_some(self, link: LinkConnection[Up]) -> None:
        """Send what there is to report, a full message in a turn of the reactor."""
        if link is not self._link or link.is_full():
            return  # it goes on when what was sent is read: a fleet is 75 MB at most
        for message in self._messages or ():
            link.send(message)
            if link.is_full():
                return
            if is_full(message):
                self.clock.callLater(0, self._send_some, link)
                return
        self._messages = None

    def _reports(
        self, *, is_whole: bool, sites: Collection[str] | None = None
    ) -> Iterator[FleetReport]:
        """Yield what there is to report of `sites`; None: of all."""
        for name in list(self.sites) if sites is None else sites:
            site = self.sites.get(name)
            if site is None:
                continue  # a reload took its power settings meanwhile
            parking = site.factory.context.parking
            try:  # failuresHandled would catch the end of a generator, too
                yield from parking.reports(name, is_whole=is_whole)
            except Exception:  # noqa: BLE001  (of one site: the others' follow)
                self._log.failure("a report of {site} failed", site=name)

    def _now(self) -> Seconds:
        return Seconds(self.clock.seconds())
