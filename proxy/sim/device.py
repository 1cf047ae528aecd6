"""One simulated ASIC as its device API shows it, faults and all."""

from collections.abc import Callable
from typing import Any

from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from typing_extensions import override

from protocol.units import Seconds
from proxy.sim.kinds import Fault
from proxy.sim.luxos import answer, command_of, encode, read_request, show
from proxy.sim.luxos_view import (
    LuxosCommand,
    LuxosView,
    PoolState,
    Profile,
    profiles_of,
)
from proxy.sim.plant import Plant

REQUEST_DEADLINE = Seconds(10.0)
"""A caller that has not sent its request by then is hung up on."""

_LIARS = {Fault.LIES, Fault.FEIGNS}


class SimulatedDevice:
    """The control board of one machine of a plant.

    Attributes:
        commands: How many it acknowledged.
    """

    def __init__(
        self,
        plant: Plant,
        row: int,
        clock: Callable[[], float],
        pools: Callable[[], tuple[PoolState, ...]],
        wall_clock: Callable[[], float],
    ) -> None:
        self.row = row
        self.commands = 0
        self._plant = plant
        self._clock = clock
        self._pools = pools
        self._wall_clock = wall_clock
        self._profiles = profiles_of(plant.asics.levels_of(row))
        self._booted_at = clock()
        self._session = ""
        self._sessions = 0
        self._feigns_sleep = False

    @property
    def fault(self) -> Fault | None:
        """What is wrong with it now."""
        return self._plant.faults[self.row]

    @property
    def is_off(self) -> bool:
        """Nothing of it answers."""
        now = Seconds(self._clock())
        booting = self._plant.asics.is_booting(self.row, now)
        if booting:  # a session does not outlive a boot
            self._session, self._booted_at = "", now
        return booting or self.fault is Fault.DEAD

    def reply(self, data: bytes) -> bytes | None:
        """Return the answer to a request, b"" for none at all, None if it is not whole.

        Raises:
            ValueError: It is no request.
        """
        request = read_request(data)
        if request is None:
            return None
        names, parameter = request
        replies = []
        for name in names:
            view = self._view()
            command, refusal = command_of(name, parameter, view)
            if command is not None:
                if self.fault is Fault.IGNORES and command.name != "logon":
                    return b""
                self._obey(command)
                replies.append(answer(command, self._view()))
            else:
                replies.append(refusal or show(name, view))
        return encode(names, replies, int(self._wall_clock()))

    def drop_session(self) -> None:
        """Forget who is logged on, as firmware does now and then."""
        self._session = ""

    def _obey(self, command: LuxosCommand) -> None:
        if command.name == "logon":
            self._sessions += 1
            self._session = f"s{self.row:04d}n{self._sessions}"
            return
        if command.name == "logoff":
            self.drop_session()
            return
        self.commands += 1
        if self.fault in _LIARS:
            self._feigns_sleep = command.argument == "sleep" or (
                self._feigns_sleep and command.name != "curtail"
            )
            return
        self._act(command)

    def _act(self, command: LuxosCommand) -> None:
        asics, rows, now = self._plant.asics, [self.row], Seconds(self._clock())
        match command.name, command.argument:
            case "curtail", "sleep":
                asics.sleep(rows, now)
            case "curtail", _:
                asics.wake(rows, now)
            case "profileset", name:
                level = [p.name for p in self._profiles].index(name) + 1
                asics.set_level(rows, level, now)
            case "rebootdevice", _:
                asics.reboot(rows, now)
            case _:
                pass  # atmset: it has no ATM to set

    def _view(self) -> LuxosView:
        now, asics = Seconds(self._clock()), self._plant.asics
        power = float(asics.nominal_w(now)[self.row])
        hashrate = float(asics.hashrate(now)[self.row])
        asleep = bool(asics.asleep[self.row])
        if self.fault is Fault.FEIGNS and self._feigns_sleep:
            power, hashrate, asleep = 25.0, 0.0, True
        return LuxosView(
            type=self._plant.options.kinds[self.row].api_type,
            uptime_s=int(now - self._booted_at),
            power_w=power,
            hashrate=hashrate,
            top_hashrate=self._profiles[-1].hashrate,
            profiles=self._profiles,
            profile=self._profile.name,
            is_asleep=asleep,
            session=self._session,
            mac=_mac_of(self.row),
            pools=self._pools(),
        )

    @property
    def _profile(self) -> Profile:
        return self._profiles[int(self._plant.asics.level[self.row]) - 1]


class DeviceConnection(Protocol):
    """A caller of a device's API: one request, one reply, the end."""

    def __init__(self, device: SimulatedDevice, clock: Any) -> None:
        self._device = device
        self._clock = clock
        self._buffer = b""
        self._deadline: Any = None

    @override
    def connectionMade(self) -> None:
        if self._device.is_off:
            self._abort()
            return
        self._deadline = self._clock.callLater(REQUEST_DEADLINE, self._abort)

    @override
    def dataReceived(self, data: bytes) -> None:
        if self._device.fault is Fault.HANGS:
            self._cancel()  # it keeps the caller waiting for as long as that likes
            return
        self._buffer += data
        try:
            reply = self._device.reply(self._buffer)
        except ValueError:
            self._abort()
            return
        if reply is None or self.transport is None:
            return
        self.transport.write(reply)
        self.transport.loseConnection()

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._cancel()

    def _cancel(self) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()

    def _abort(self) -> None:
        transport: Any = self.transport
        transport.abortConnection()


def _mac_of(row: int) -> str:
    """Return a MAC that is given out locally, another one for each row of a plant."""
    return "02:00:00:" + row.to_bytes(3, "big").hex(":")
