"""What site control needs of the edges: devices, meters, signals, a relay.

Every coroutine awaits Deferreds, also where an asyncio library does the work: the
edge wraps its futures (`Deferred.fromFuture`). Each ends within its own deadline.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from attrs import field, frozen

from protocol.setpoint.points import Points
from protocol.units import HashesPerSecond, Seconds, UnixTime, Watts
from proxy.power.orders.documents import DocumentRow, Recorded
from proxy.power.orders.market import Market, ModelGroup
from proxy.power.orders.order import Order
from proxy.power.orders.receipt import InForce, Receipt

DEVICE_DEADLINE = Seconds(3.0)
"""Within this each read of a device has ended, and a command to most firmware."""

SLOWEST_ANSWER = Seconds(30.0)
"""Within this a command to any firmware has ended: stock Antminers obey after 8 to 21 s
and answer only then."""


class DeviceError(Exception):
    """A device did not answer, refused, or cannot do it; the message says which."""


class DeviceBusyError(DeviceError):
    """Another tool holds the device's only session: it was told nothing."""


class DeviceLoginError(DeviceError):
    """The device does not take the user name or the password that it is shown."""


class MeterError(Exception):
    """A meter is silent, or answers what cannot be read."""


class RelayError(Exception):
    """A relay cannot be reached: it trips by itself."""


@frozen
class Login:
    """What a device's API is shown; None: what its maker ships it with."""

    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)


NO_LOGIN = Login()


@frozen
class DeviceReport:
    """What a device says of itself; None, empty: it does not say.

    Attributes:
        is_asleep: It does no work by command. Inferred where firmware does not tell;
            None: it cannot be told.
        limit_w: The power limit in force; None also where it cannot have one.
        power_w: What it says that it draws.
        hashrate_hs: What it says that it finds.
        pool_urls: Its pool slots in order, `stratum+tcp://host:port`.
        can_sleep: It has a command to stop; else it can only be parked.
        identity: Which machine it is, whatever its address, where that was asked now.
            Several may say the same, where a maker was careless.
        temperature_c: Of its boards, their mean.
    """

    is_asleep: bool | None = None
    limit_w: Watts | None = None
    power_w: Watts | None = None
    hashrate_hs: HashesPerSecond | None = None
    pool_urls: tuple[str, ...] = ()
    can_sleep: bool = True
    identity: str | None = None
    temperature_c: float | None = None


class DeviceControl(Protocol):
    """Devices by address, through their own control APIs.

    A command returns whether the device acknowledged it: False is a refusal. It
    proves nothing, a `read` afterwards does. Who calls bounds how many run at once.
    """

    async def sleep(self, address: str) -> bool:
        """Tell the device to do no work and draw as little as it can.

        Raises:
            DeviceError: No answer in the time that its firmware takes, at most
                `SLOWEST_ANSWER`, or it cannot do it.
            DeviceBusyError: Another tool holds it.
            DeviceLoginError: It does not take our user name or password.
        """

    async def wake(self, address: str) -> bool:
        """Tell the device to work again.

        Raises:
            DeviceError: As `sleep`.
        """

    async def limit(self, address: str, watts: Watts) -> bool:
        """Tell the device to draw at most `watts` while it works.

        Raises:
            DeviceError: As `sleep`; also where it cannot be limited.
        """

    async def read(self, address: str) -> DeviceReport:
        """Ask the device how it is.

        Raises:
            DeviceError: No answer within `DEVICE_DEADLINE`, or one that is not one.
        """


class MeterSource(Protocol):
    """The meter of one site."""

    @property
    def hertz(self) -> float | None:
        """Return the grid's frequency as it was read last; None: it does not say."""

    @property
    def energy_wh(self) -> float | None:
        """Return watt-hours that it had counted when it was read last.

        What was drawn since ever; None: it does not say.
        """

    async def read(self) -> float:
        """Return watts, NaN where the meter says that it has none.

        Raises:
            MeterError: It is silent, or cannot be understood.
        """

    def close(self) -> None:
        """Hang up; no `read` follows."""


class SignalListener(Protocol):
    """Who acts on what a signal says."""

    def take(
        self, orders: Sequence[Order], *, instead_of: str | None = None
    ) -> Receipt:
        """Take in orders, all or none; durable when it returns, and acted on at once.

        One with the highest `seq` of its source rules while it is valid. Given again
        unchanged (but for `received_at`) while it may rule, or as the last one of its
        source, it is taken and changes nothing; another
        one with a `seq` that its source has used, or a lower one, is refused. To
        take anything renews the lease.

        Args:
            orders: What is said.
            instead_of: A source all of whose orders they replace, so that they may
                have any `seq`. Where they are refused, what it said before holds.
        """

    def standing(self, source: str) -> Sequence[Order]:
        """Return the orders of `source` that may rule, and its last one.

        Also those that were taken before a restart.
        """

    def in_force(self) -> InForce:
        """Return what rules the site, whoever said it."""

    def renew(self, source: str) -> None:
        """Note that `source` is there and means what it said last."""

    def refused(self, source: str, why: str, body: dict[str, Any]) -> None:
        """Put into the event log that a word of `source` was not taken.

        Whoever calls bounds how often.
        """

    def record(
        self,
        kind: str,
        cause: str,
        body: dict[str, Any],
        rows: Sequence[DocumentRow] = (),
    ) -> Recorded | None:
        """Put an event of a signal's own into the log, durable when it returns.

        Whoever calls bounds how often.

        Args:
            kind: Of the event.
            cause: For people.
            body: The rest.
            rows: Documents that it tells of, kept with it or not at all.

        Returns:
            None: It could not be written down, and is not tried again.
        """

    def documents(self) -> Sequence[DocumentRow]:
        """Return what is kept of signed documents, the oldest first.

        Raises:
            Exception: It cannot be read: the site must not start.
        """

    def forget_documents(self, until: UnixTime) -> None:
        """Forget documents whose time was over by then."""

    def moments(self) -> Sequence[UnixTime]:
        """Return what time it may be, first what the clock says."""

    def cosigned(self) -> Mapping[str, float]:
        """Return when each witness cosigned the log last, Unix seconds, by its name."""

    def points(self, source: str) -> Points:
        """Return what `source` may read back of the site."""

    def describe(self, source: str, text: str) -> None:
        """Show `text` beside what `source` said last: how it stands, in one line."""

    def clock_off(self, source: str, skew_s: Seconds | None) -> None:
        """Take note that the clock of `source` is ahead of ours, behind if negative.

        None: it is not, as far as can be told. It is an alarm while it is.
        """

    def models(self) -> Sequence[ModelGroup]:
        """Return the machines of the site by model."""

    def needs_w(self, runs: frozenset[str]) -> Watts:
        """Return the watts under which machines of the models `runs` run, no others."""

    def priced(self, market: Market) -> None:
        """Take note of what a price signal steers by, for people."""


class SignalSource(Protocol):
    """A place that orders come from: a file, a server, a broker, a market."""

    @property
    def name(self) -> str:
        """Return what its orders have as `source`; unique in its site."""

    @property
    def lease_s(self) -> Seconds | None:
        """Return how long it may be silent; None: it need not keep speaking."""

    def start(self, listener: SignalListener) -> None:
        """Begin to hand orders to `listener`; never called twice."""

    async def stop(self) -> None:
        """End; the listener hears nothing more."""


class Relay(Protocol):
    """An output whose silence means trip, so that a dead proxy fails safe."""

    async def beat(self, *, may_run: bool) -> None:
        """Say that the proxy lives, and whether the site may draw power.

        Raises:
            RelayError: It cannot be reached.
        """

    async def close(self) -> None:
        """Hang up; no `beat` follows."""
