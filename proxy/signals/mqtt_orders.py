"""Orders over MQTT: a plant publishes them to a broker, or to two.

| in  | PREFIX/SITE/order        | an order as JSON, as over HTTP, or a target      |
| in  | PREFIX/SITE/lease        | empty, or `{"issued_at": s}`: it is renewed      |
| out | PREFIX/SITE/ack          | what became of an order                          |
| out | PREFIX/SITE/state        | retained, each second: points that are read back |
| out | PREFIX/SITE/alarm        | retained: alarms that stand                      |
| out | PREFIX/SITE/availability | retained: `online`, or `offline` by last will    |

A broker keeps messages, so that each is judged by when it was given (`freshness`). Of
two brokers any fresh word counts; where they contradict each other, the lower one.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import msgspec
from attrs import asdict, define, evolve, field, frozen
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from protocol.units import Seconds, UnixTime, Watts
from proxy.power.orders.order import Order
from proxy.power.ports import SignalListener
from proxy.runtime.periodic import PeriodicService
from proxy.signals.answers import Answers
from proxy.signals.freshness import Freshness, kept_short, may_lower
from proxy.signals.http_body import HttpReply, OrderBody, order_of
from proxy.signals.mqtt_ears import BrokerEar, Word
from proxy.signals.mqtt_ports import Line
from proxy.signals.mqtt_words import OrderAck, read_lease, read_order, read_target
from proxy.signals.named import NamedSignal
from proxy.signals.numbering import next_seq
from proxy.signals.pace import TOO_MANY, Pace
from proxy.signals.refusals import Refusals

STATE_EVERY = Seconds(1.0)

ORDER, LEASE, ACK, STATE, ALARM = "order", "lease", "ack", "state", "alarm"


@frozen
class MqttSettings:
    """What a signal over MQTT is told by the configuration.

    Attributes:
        format: What an order is.
        discovery: Topic and payload of what tells Home Assistant of the site; None: it
            is not told.
    """

    site: str
    name: str
    lease_s: Seconds
    max_age_s: Seconds
    budget_w: Watts
    format: Literal["order", "target_timestamp"] = "order"
    discovery: tuple[str, bytes] | None = None


@define(eq=False, repr=False)
class MqttOrders(NamedSignal):
    """The signal: connects once started, until it is stopped."""

    _log = Logger()

    _settings: MqttSettings
    _lines: Sequence[Line]
    _clock: IReactorTime
    _wall_clock: Callable[[], UnixTime]
    _listener: SignalListener | None = field(default=None, init=False)
    _ears: list[BrokerEar] = field(factory=list, init=False)
    _last: Order | None = field(default=None, init=False)
    _last_seq: int = field(default=0, init=False)
    _answers: Answers = field(factory=Answers, init=False)
    _pace: Pace = field(factory=Pace, init=False)
    _alarms: tuple[str, ...] | None = field(default=None, init=False)  # last published
    _refusals: Refusals = field(init=False)
    _ticks: PeriodicService = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._refusals = Refusals(self._settings.name)
        self._ticks = PeriodicService(STATE_EVERY, self._tick, self._clock)

    def start(self, listener: SignalListener) -> None:
        """See `SignalSource`. A broker that cannot be had is tried again and again."""
        self._listener = listener
        standing = listener.standing(self.name)
        self._answers.restore(standing)
        self._last = max(standing, key=lambda order: order.seq, default=None)
        heard_at = UnixTime(0.0)
        if self._last is not None:
            self._last_seq, heard_at = self._last.seq, self._last.received_at
        for line in self._lines:
            # What was given before the last order was taken is no newer than it.
            freshness = Freshness(self._settings.max_age_s, heard_at)
            ear = BrokerEar(self, line, freshness)
            self._ears.append(ear)
            line.start(ear)
        self._ticks.startService()

    async def stop(self) -> None:
        """See `SignalSource`."""
        self._listener = None
        await self._ticks.stopService()
        for line in self._lines:
            await line.stop()

    def greet(self, line: Line) -> None:
        """Say what a broker that is connected anew keeps for those who come later."""
        if self._settings.discovery is not None:
            topic, payload = self._settings.discovery
            line.say(f"/{topic}", payload, is_retained=True)
        self._alarms = None
        self._publish()

    def heard(
        self, ear: BrokerEar, topic: str, payload: bytes, *, is_retained: bool
    ) -> None:
        """Take in a message of one broker."""
        listener = self._listener
        if listener is None or (is_retained and not payload):
            return
        if topic == LEASE:
            why = self._on_lease(ear, payload, listener, is_retained=is_retained)
            self._tell(ear, listener, why, "lease")
            return
        ack = self._on_order(ear, payload, listener, is_retained=is_retained)
        self._tell(ear, listener, "" if ack.taken else ack.reason, "order", ack)
        ear.line.say(ACK, msgspec.json.encode(ack))
        self._publish()

    def _tell(
        self,
        ear: BrokerEar,
        listener: SignalListener,
        why: str,
        what: str,
        ack: OrderAck | None = None,
    ) -> None:
        if not why:
            return
        body = {} if ack is None else {"issued_at": ack.issued_at}
        now = Seconds(self._clock.seconds())
        self._refusals.tell(listener, now, ear.line.name, why, word=what, **body)

    def _on_lease(
        self,
        ear: BrokerEar,
        payload: bytes,
        listener: SignalListener,
        *,
        is_retained: bool,
    ) -> str:
        """Renew the lease; return why not, if not."""
        try:
            issued = read_lease(payload)
        except ValueError as error:
            return str(error)
        why = self._objection(ear, issued, is_retained=is_retained)
        if not why:
            listener.renew(self.name)
        return why

    def _on_order(
        self,
        ear: BrokerEar,
        payload: bytes,
        listener: SignalListener,
        *,
        is_retained: bool,
    ) -> OrderAck:
        read = read_order if self._settings.format == "order" else read_target
        try:
            body = read(payload, self._settings.budget_w)
        except ValueError as error:
            return OrderAck(taken=False, reason=str(error))
        try:
            return self._answer(ear, body, listener, is_retained=is_retained)
        except ValueError as error:
            return _ack(body, taken=False, reason=str(error))

    def _answer(
        self,
        ear: BrokerEar,
        body: OrderBody,
        listener: SignalListener,
        *,
        is_retained: bool,
    ) -> OrderAck:
        why = self._objection(ear, body.issued_unix, is_retained=is_retained)
        known = self._answers.of(body)
        if known is not None and not known.taken:
            return _ack(body, taken=False, seq=known.seq, reason=known.reason)
        if why:
            return self._lower(body, why, listener)
        watts = self._lowest(ear, body)
        is_last = self._last is not None and self._last.told == body.digest
        if self._stands(body, watts, listener) or (known is not None and not is_last):
            # Said again, it is there; an order of before is not begun anew by its id.
            listener.renew(self.name)
            self._note(ear, body)
            seq = self._last_seq if known is None else known.seq
            return _ack(body, taken=True, seq=seq)
        ack = self._take(body, watts, listener, why="")
        if ack.taken:
            self._note(ear, body)
        return ack

    def _lower(self, body: OrderBody, why: str, listener: SignalListener) -> OrderAck:
        """Take a word that is not fresh, where all that it can do is lower."""
        if self._last is not None and self._last.told == body.digest:
            return _ack(body, taken=True, seq=self._last_seq)  # a duplicate: no news
        if not may_lower(body.watts, listener, self.name, self._wall_clock()):
            return _ack(body, taken=False, reason=f"{why}: it may only lower")
        return self._take(body, Watts(body.watts), listener, why)

    def _take(
        self, body: OrderBody, watts: Watts, listener: SignalListener, why: str
    ) -> OrderAck:
        if self._pace.is_flood(Seconds(self._clock.seconds())):
            return _ack(body, taken=False, reason=TOO_MANY)
        now = self._wall_clock()
        seq = next_seq(self._last_seq, now) if body.seq is None else body.seq
        order = order_of(body, self._settings.site, self.name, seq, now)
        if watts < order.watts:
            said = f"the lower word of two brokers: {order.reason}"
            order = evolve(order, watts=watts, reason=said[:256])
        if why:
            order = kept_short(order, listener)
        receipt = listener.take([order])
        ack = _ack(body, taken=receipt.is_taken, seq=seq, reason=receipt.reason)
        if receipt.is_taken:
            self._last, self._last_seq = order, max(self._last_seq, seq)
        if receipt.is_taken and not why:
            answer = HttpReply(taken=True, seq=seq)
            self._answers.remember(body, answer)
        return ack

    def _objection(
        self, ear: BrokerEar, issued: UnixTime | None, *, is_retained: bool
    ) -> str:
        at, now = self._wall_clock(), Seconds(self._clock.seconds())
        lease_s = self._settings.lease_s
        return ear.freshness.objection(
            issued, at, now, lease_s, is_retained=is_retained
        )

    def _lowest(self, ear: BrokerEar, body: OrderBody) -> Watts:
        """Return what a word comes to beside the last ones of the other brokers."""
        at, now = self._wall_clock(), Seconds(self._clock.seconds())
        lease_s = self._settings.lease_s
        others = [one.said(now, at, lease_s) for one in self._ears if one is not ear]
        return Watts(min([body.watts, *(w for w in others if w is not None)]))

    def _note(self, ear: BrokerEar, body: OrderBody) -> None:
        now = Seconds(self._clock.seconds())
        ear.last = Word(Watts(body.watts), now, body.ends_at(self._wall_clock()))

    def _stands(self, body: OrderBody, watts: Watts, listener: SignalListener) -> bool:
        """Tell whether a word only says again what its last order says."""
        last = self._last
        if last is None or last.watts != watts:
            return False
        if not any(o.seq == last.seq for o in listener.standing(self.name)):
            return False
        if watts < body.watts:
            return last.expires is None  # the other broker's word, which rules
        # for_s counts from each time that it is said.
        is_rolling = body.for_s is not None and body.id is None
        return last.told == body.digest and not is_rolling

    async def _tick(self) -> None:
        self._publish()

    def _publish(self) -> None:
        listener = self._listener
        if listener is None:
            return
        points = listener.points(self.name)
        told = {"site": self._settings.site, "at": self._wall_clock(), **asdict(points)}
        state = msgspec.json.encode(told)
        for line in self._lines:
            line.say(STATE, state, is_retained=True)
        if points.alarms != self._alarms:
            self._alarms = points.alarms
            alarm = msgspec.json.encode({"alarms": points.alarms})
            for line in self._lines:
                line.say(ALARM, alarm, is_retained=True)


def _ack(
    body: OrderBody, *, taken: bool, seq: int | None = None, reason: str = ""
) -> OrderAck:
    seq = body.seq if seq is None else seq
    issued = body.issued_unix
    return OrderAck(taken=taken, seq=seq, id=body.id, issued_at=issued, reason=reason)
