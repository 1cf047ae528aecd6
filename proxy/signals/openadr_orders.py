"""A signal that asks a utility's server (VTN) for events, as an OpenADR 3.1 end node.

The list of events is the truth, asked for each `poll_s`. Only a whole list renews the
lease, and only a fresh one raises: see `protocol.openadr` for what events say, what an
old answer is, and what cannot be read. A server that cannot be asked is asked again
within the lease, sooner at first.
"""

from collections.abc import Callable
from urllib.parse import urlsplit

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from protocol.openadr.book import EventBook, Verdict
from protocol.openadr.caps import Rules
from protocol.openadr.dates import DateJudge, Judged, Timeliness
from protocol.prices.curve import PriceError
from protocol.units import Seconds, UnixTime
from proxy.power.control.wall_clock import SteadyClock
from proxy.power.orders.receipt import Receipt
from proxy.power.ports import SignalListener
from proxy.runtime.awaiting import failures_logged
from proxy.runtime.periodic import PeriodicService
from proxy.runtime.tasks import Tasks
from proxy.signals.first_word import FirstWord
from proxy.signals.line_orders import LineOrders
from proxy.signals.named import NamedSignal
from proxy.signals.openadr_enrolment import Enrolment
from proxy.signals.openadr_notices import Notices
from proxy.signals.openadr_prices import price_curve
from proxy.signals.openadr_reports import Reporter
from proxy.signals.openadr_session import VtnError
from proxy.signals.openadr_view import as_it_stands
from proxy.signals.openadr_vtn import EventList, Vtn
from proxy.signals.price_signal import KEPT_FOR
from proxy.signals.price_sink import PriceSink
from proxy.signals.refusals import Refusals

SAMPLE_EVERY = Seconds(2.0)
"""Of the power that reports have the mean of, as all that is read back."""

SOONEST = Seconds(0.5)
"""Between two looks, whatever calls for one."""

SLICE = Seconds(0.02)
"""Of reading a list: then the site, devices and other signals have their turn."""

WORST_SKEW = Seconds(2.0)
"""Between the server's clock and ours: beyond it intervals are not when both think."""


@frozen
class OpenAdrSettings:
    """What the signal is told by the configuration."""

    site: str
    name: str
    lease_s: Seconds
    max_age_s: Seconds
    poll_s: Seconds
    report_s: Seconds
    url: str
    program: str | None
    rules: Rules


@define(eq=False, repr=False)
class OpenAdrOrders(NamedSignal):
    """The signal: asks once started, until it is stopped.

    Attributes:
        prices_to: Who follows the prices that are listed; None: nobody.
    """

    _log = Logger()

    _settings: OpenAdrSettings
    _vtn: Vtn
    _clock: IReactorTime
    _wall_clock: SteadyClock
    _notices_of: Callable[[Callable[[], None]], Notices] | None = None
    _notices: Notices | None = field(default=None, init=False)
    _listener: SignalListener | None = field(default=None, init=False)
    _verdict: Verdict = field(factory=Verdict, init=False)
    _judged: Judged | None = field(default=None, init=False)
    _told: frozenset[tuple[str, str]] = field(default=frozenset(), init=False)
    _rested_at: float = field(default=0.0, init=False)  # when a look was over
    _failures: int = field(default=0, init=False)
    _fault: str = field(default="", init=False)
    _pause: tuple[IDelayedCall, Deferred[None]] | None = field(default=None, init=False)
    _tasks: Tasks = field(factory=Tasks, init=False)
    _first: FirstWord = field(factory=FirstWord, init=False)
    _enrolment: Enrolment = field(init=False)
    _book: EventBook = field(init=False)
    _dates: DateJudge = field(init=False)
    _lines: LineOrders = field(init=False)
    _refusals: Refusals = field(init=False)
    _reporter: Reporter = field(init=False)
    _samples: PeriodicService = field(init=False)
    prices_to: PriceSink | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        told = self._settings
        self._book = EventBook(told.rules)
        self._dates = DateJudge(told.max_age_s)
        self._lines = LineOrders(told.site, told.name, told.rules.fail_safe_w)
        self._refusals = Refusals(told.name)
        node, report_s = told.rules.node, told.report_s
        self._reporter = Reporter(self._vtn, told.site, node, report_s, self._now)
        if self._notices_of is not None:
            self._notices = self._notices_of(self.wake)
        self._enrolment = Enrolment(
            self._vtn, told.site, node, told.program, self._now, self._notices
        )
        self._samples = PeriodicService(SAMPLE_EVERY, self._sample, self._clock)

    def start(self, listener: SignalListener) -> None:
        """See `SignalSource`."""
        self._listener = listener
        self._samples.startService()
        self._tasks.start(f"ask {self._settings.url}", self._run(listener))

    async def stop(self) -> None:
        """See `SignalSource`."""
        self._listener = None
        await self._samples.stopService()
        await self._tasks.cancel_all()
        if self._notices is not None:
            await self._notices.stop()
        await self._vtn.close()

    def wake(self) -> None:
        """Look at once, or as soon as a look may be: there may be something new."""
        if self._pause is not None and self._pause[0].active():
            call, now = self._pause[0], self._now()
            soonest = max(0.0, self._rested_at + SOONEST - now)
            call.reset(min(soonest, call.getTime() - now))

    async def _run(self, listener: SignalListener) -> None:
        while True:
            delay = self._settings.poll_s
            with failures_logged(self._log, "{name} failed", name=self.name):
                delay = await self._round(listener)
            await self._rest(max(SOONEST, delay))

    async def _rest(self, seconds: Seconds) -> None:
        self._rested_at = self._now()
        over: Deferred[None] = Deferred()
        call = self._clock.callLater(seconds, over.callback, None)
        self._pause = call, over
        try:
            await over
        finally:
            if call.active():
                call.cancel()

    async def _round(self, listener: SignalListener) -> Seconds:
        """Look once; return how long to rest."""
        try:
            await self._look(listener)
        except VtnError as error:
            self._failed(error, listener)
            return self._backoff(error)
        self._well()
        at = self._wall_clock()
        await self._reporter.go_on(self._verdict, listener, self.name, at)
        return Seconds(min(self._settings.poll_s, self._reporter.seconds_left()))

    async def _look(self, listener: SignalListener) -> None:
        if why := await self._enrolment.learn_if_due():
            self._refuse(listener, why)
        listed = await self._vtn.events(self._enrolment.program_id)
        verdict = await self._hear(listed)
        if verdict.others > self._verdict.others:
            # A target may have been given to us since.
            await self._enrolment.learn()
            verdict = await self._hear(listed)
        self._verdict = verdict
        self._judged = self._judge(listed)
        self._tell_refusals(verdict, listener)
        self._hand_on_prices(listener)
        receipt = self._say(listener)
        if not receipt.is_taken:
            self._refuse(listener, f"events: {receipt.reason}")
        self._describe(listener)

    async def _hear(self, listed: EventList) -> Verdict:
        """Read a list in slices, so that its length holds up nothing else."""
        known = self._enrolment.known
        hearing, began = self._book.begin(known, listed.heard), self._now()
        for event in listed.events:
            hearing.add(event)
            if self._now() - began >= SLICE:
                await deferLater(self._clock, 0.0, lambda: None)
                began = self._now()
        return hearing.verdict()

    def _judge(self, listed: EventList) -> Judged:
        judged = self._dates.judge(
            listed.date,
            listed.sent,
            listed.heard,
            lambda: self._first.may_raise(self._now(), self._settings.lease_s),
        )
        if listed.is_torn and judged.timeliness is Timeliness.FRESH:
            why = "it changed while it was read"
            return Judged(Timeliness.FIRST, judged.skew_s, why)
        return judged

    def _say(self, listener: SignalListener) -> Receipt:
        """Hand on what the events say, as far as they may say it."""
        judged, verdict, now = self._judged, self._verdict, self._wall_clock()
        doubted = self._wall_clock.doubted()
        at = now if doubted is None else min(now, doubted)
        if judged is None or judged.timeliness is Timeliness.LATE:
            self._refuse(listener, "late" if judged is None else judged.why)
            return self._lines.say_late(listener, verdict.line, at)
        if judged.timeliness is Timeliness.FRESH and verdict.may_raise:
            return self._lines.say(listener, verdict.line, at)
        return self._lines.say_lower(listener, verdict.line, at)

    def _tell_refusals(self, verdict: Verdict, listener: SignalListener) -> None:
        """Put into the log what was not taken and was not told yet."""
        refused = frozenset(verdict.refusals)
        for event_id, why in sorted(refused - self._told):
            self._refuse(listener, f"event {event_id or '?'}: {why}")
        self._told = refused

    def _hand_on_prices(self, listener: SignalListener) -> None:
        """Let a price signal know what is listed, if it is of now."""
        judged = self._judged
        is_fresh = judged is not None and judged.timeliness is Timeliness.FRESH
        if self.prices_to is None or not is_fresh:
            return
        try:
            since = UnixTime(self._wall_clock() - KEPT_FOR)
            self.prices_to.heard(price_curve(self._verdict.prices, since))
        except PriceError as error:
            self._refuse(listener, f"prices: {error}")

    def _refuse(self, listener: SignalListener, why: str) -> None:
        self._refusals.tell(listener, self._now(), self._peer, why)

    def _failed(self, error: VtnError, listener: SignalListener) -> None:
        self._failures += 1
        if not self._fault:
            text = "{name}: {peer} cannot be asked: {why}"
            self._log.warn(text, name=self.name, peer=self._peer, why=str(error))
        self._fault = str(error)
        if error.is_said:
            self._refuse(listener, self._fault)
        self._describe(listener)

    def _well(self) -> None:
        if self._fault:
            text = "{name}: {peer} answers again, after {count} failures"
            self._log.info(text, name=self.name, peer=self._peer, count=self._failures)
        self._failures, self._fault = 0, ""

    def _backoff(self, error: VtnError) -> Seconds:
        """Return how long to wait: longer each time, but so that the lease has tries.

        A server may ask for a longer rest, up to half of the lease.
        """
        told = self._settings
        doubled = SOONEST * 2.0 ** min(self._failures - 1, 10)
        wanted = max(min(doubled, told.poll_s), error.wait_s)
        return Seconds(min(wanted, max(told.poll_s, told.lease_s / 2.0)))

    def _describe(self, listener: SignalListener) -> None:
        """Show how it stands."""
        skew = None if self._judged is None else self._judged.skew_s
        is_off = skew is not None and abs(skew) > WORST_SKEW
        listener.clock_off(self.name, skew if is_off else None)
        at = self._wall_clock()
        text = as_it_stands(self._verdict, self._judged, self._fault, at)
        listener.describe(self.name, text)

    async def _sample(self) -> None:
        if self._listener is not None:
            self._reporter.sample(self._listener.points(self.name).power_w)

    @property
    def _peer(self) -> str:
        return urlsplit(self._settings.url).netloc.rpartition("@")[2]

    def _now(self) -> Seconds:
        return Seconds(self._clock.seconds())
