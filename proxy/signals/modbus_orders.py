"""Orders over Modbus TCP: a plant's control system writes a setpoint into registers.

The registers are a map of `protocol.setpoint`; see `baseload help signals`. Nobody is
authenticated, so only the networks of `allow` may come, and with `exclusive` one master
at a time writes: its address has the right until it is silent for the lease. A first
word after silence may only lower (`first_word`).
"""

from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_address

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime, IStreamServerEndpoint
from twisted.logger import Logger

from protocol.setpoint.frames import (
    ExceptionCode,
    Frame,
    Read,
    RefusedError,
    Write,
    exception_answer,
    parse_request,
    read_answer,
    write_answer,
)
from protocol.setpoint.points import Points
from protocol.setpoint.registers import Setpoint, SetpointMap
from protocol.units import Seconds, UnixTime, Watts
from proxy.power.orders.order import Order
from proxy.power.ports import SignalListener
from proxy.runtime.listener import ListenerService
from proxy.runtime.tasks import Tasks
from proxy.runtime.tcp import bound_port
from proxy.signals.first_word import FirstWord
from proxy.signals.modbus_connection import ModbusFactory
from proxy.signals.named import NamedSignal
from proxy.signals.numbering import next_seq
from proxy.signals.pace import TOO_MANY, Pace
from proxy.signals.refusals import Refusals

POINTS_FOR = Seconds(1.0)
"""How long what is read back is kept: it changes with each look at the site."""


@frozen
class ModbusSettings:
    """What a Modbus signal is told by the configuration."""

    site: str
    name: str
    lease_s: Seconds
    budget_w: Watts
    fail_safe_w: Watts
    unit: int = 1
    is_exclusive: bool = True
    allow: tuple[IPv4Network | IPv6Network, ...] = ()


@define(eq=False, repr=False)
class ModbusOrders(NamedSignal):
    """The signal: listens once started, until it is stopped."""

    _log = Logger()

    _settings: ModbusSettings
    _map: SetpointMap
    _endpoint: IStreamServerEndpoint
    _clock: IReactorTime
    _wall_clock: Callable[[], UnixTime]
    _listener: SignalListener | None = field(default=None, init=False)
    _last: Order | None = field(default=None, init=False)
    _last_seq: int = field(default=0, init=False)
    _master: str = field(default="", init=False)  # the address that wrote last
    _wrote_at: float = field(default=0.0, init=False)
    _pace: Pace = field(factory=Pace, init=False)
    _points: tuple[float, Points] | None = field(default=None, init=False)
    _tasks: Tasks = field(factory=Tasks, init=False)
    _first: FirstWord = field(factory=FirstWord, init=False)
    _refusals: Refusals = field(init=False)
    _factory: ModbusFactory = field(init=False)
    _port: ListenerService = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._refusals = Refusals(self._settings.name)
        self._factory = ModbusFactory(self, self._clock)
        self._port = ListenerService(self._endpoint, self._factory)

    def start(self, listener: SignalListener) -> None:
        """See `SignalSource`. A port that cannot be had is an error in the log."""
        self._listener = listener
        standing = listener.standing(self.name)
        if standing:
            self._last = max(standing, key=lambda order: order.seq)
            self._last_seq = self._last.seq
            self._map.restore(min(self._last.watts, self._settings.budget_w))
        self._port.startService()
        self._tasks.start(f"listen for {self.name}", self._ready())

    async def stop(self) -> None:
        """See `SignalSource`."""
        self._listener = None
        await self._tasks.cancel_all()
        await self._port.stopService()
        self._factory.hang_up()

    async def _ready(self) -> None:
        port = await self._port.ready()
        bound_port(port)
        self._log.info(
            "{name} listens on {at.host}:{at.port}", name=self.name, at=port.getHost()
        )

    def may_come(self, host: str) -> bool:
        """Tell whether an address is one of those that may connect."""
        try:
            address = ip_address(host.partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None) or address
        networks = self._settings.allow
        if networks:
            return any(mapped in network for network in networks)
        return bool(mapped.is_loopback)

    def refuse(self, host: str, why: str) -> None:
        """Put it into the event log that something of `host` was not taken."""
        if self._listener is not None:
            self._refusals.tell(self._listener, self._now(), host, why)

    def answer(self, frame: Frame, host: str) -> Frame:
        """Return what a request is answered."""
        try:
            pdu = self._answer(frame, host)
        except RefusedError as refused:
            self.refuse(host, str(refused))
            pdu = exception_answer(frame.pdu, refused.code)
        return Frame(frame.transaction, frame.unit, pdu)

    def _answer(self, frame: Frame, host: str) -> bytes:
        listener = self._listener
        if listener is None:
            raise RefusedError(ExceptionCode.BUSY, "stopping")
        if frame.unit != self._settings.unit:
            raise RefusedError(ExceptionCode.NO_SUCH_UNIT, f"unit {frame.unit}")
        match parse_request(frame.pdu):
            case Read(address, count):
                points = self._read_back(listener)
                return read_answer(self._map.read(address, count, points))
            case Write() as write:
                self._write(write, host, listener)
                return write_answer(write)

    def _read_back(self, listener: SignalListener) -> Points:
        now = self._clock.seconds()
        if self._points is None or now - self._points[0] >= POINTS_FOR:
            self._points = now, listener.points(self.name)
        return self._points[1]

    def _write(self, write: Write, host: str, listener: SignalListener) -> None:
        now = self._now()
        is_other = self._settings.is_exclusive and self._master not in {"", host}
        if is_other and now - self._wrote_at < self._settings.lease_s:
            why = f"{self._master} is the master"
            raise RefusedError(ExceptionCode.BUSY, why)
        change = self._map.write(write.address, write.values)
        if change.doubt:
            self.refuse(host, change.doubt)
        if change.said is not None:
            self._take(change.said, host, listener)
            self._master, self._wrote_at = host, now
        # Only now: what was not taken is not read back.
        self._map.commit(change)
        self._points = None

    def _take(self, said: Setpoint, host: str, listener: SignalListener) -> None:
        order = self._order(said, host, listener)
        if self._is_standing(order, listener):
            listener.renew(self.name)
            return
        if self._pace.is_flood(self._now()):
            raise RefusedError(ExceptionCode.BUSY, TOO_MANY)
        receipt = listener.take([order])
        if not receipt.is_taken:
            raise RefusedError(ExceptionCode.DEVICE_FAILURE, receipt.reason)
        self._last, self._last_seq = order, order.seq

    def _order(self, said: Setpoint, host: str, listener: SignalListener) -> Order:
        budget = self._settings.budget_w
        asked = budget if said.watts is None else said.watts
        what = "released" if said.watts is None else f"setpoint {asked:.0f} W"
        watts = min(asked, budget)
        if watts < asked:
            what = f"{what}, more than the contract"
        if not self._first.may_raise(self._now(), self._lease()):
            most = listener.in_force().budget_w
            low = min(watts, self._settings.fail_safe_w if most is None else most)
            if low < watts:
                what = f"{what}: first word after silence, raises by a second one"
            watts = Watts(low)
        now = self._wall_clock()
        return Order(
            site=self._settings.site,
            watts=Watts(watts),
            seq=next_seq(self._last_seq, now),
            source=self.name,
            not_before=UnixTime(0.0),
            received_at=now,
            lease_s=said.lease_s,
            revert_w=said.revert_w,
            reason=f"{what}, of {host}",
        )

    def _lease(self) -> Seconds:
        """Return how long the last word held."""
        own = None if self._last is None else self._last.lease_s
        return min(self._settings.lease_s, own or self._settings.lease_s)

    def _is_standing(self, order: Order, listener: SignalListener) -> bool:
        last = self._last
        return (
            last is not None
            and (last.watts, last.lease_s, last.revert_w, last.reason)
            == (order.watts, order.lease_s, order.revert_w, order.reason)
            and any(o.seq == last.seq for o in listener.standing(self.name))
        )

    def _now(self) -> Seconds:
        return Seconds(self._clock.seconds())
