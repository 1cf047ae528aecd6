"""What a machine was found with is put back, wherever it was meanwhile."""

import asyncio
from collections.abc import Coroutine
from typing import Any, ClassVar, cast

import pytest
from twisted.internet.defer import Deferred

from protocol.units import Seconds
from proxy.devices import control, found
from proxy.devices.control import ANSWERS_FOR, IDENTITY_FOR, PyasicDevices
from proxy.devices.doubts import FORGET_AFTER
from proxy.devices.found import FoundMachines
from proxy.devices.identity import identity_of, normalized, serial_of
from proxy.devices.library import Factory
from proxy.devices.quirks import QUIRKS
from proxy.power.machines.fleet import MAX_MACHINES
from proxy.power.machines.known import is_local
from proxy.power.ports import DeviceError, DeviceReport

STOCK, LUXOS = QUIRKS["AntminerModern"], QUIRKS["LUXMiner"]
A, B = "02:00:5e:10:00:0a", "02:00:5e:10:00:0b"
HERE, THERE = "10.0.0.1", "10.0.0.2"
POOLS = [{"url": "stratum+tcp://10.0.0.5:3333", "user": "a", "pass": "x"}]
LOW = "3"
WELL_BEFORE = Seconds(60.0)
"""A bound for a busy machine, never waited for."""


class Box:
    """A stock Antminer, wherever it is plugged in."""

    def __init__(self, mac: str, mode: str = "0") -> None:
        self.mac, self.mode = mac, mode
        self.is_silent = False
        self.asked = 0


class AntminerModern:
    """pyasic's machine at an address, and its web API."""

    rpc = ssh = None

    def __init__(self, plugged: dict[str, Box], ip: str) -> None:
        self.ip, self._plugged = ip, plugged

    @property
    def web(self) -> "AntminerModern":
        return self

    @property
    def box(self) -> Box:
        box = self._plugged.get(self.ip)
        if box is None or box.is_silent:
            raise OSError("no answer")
        return box

    async def get_mac(self) -> str:
        self.box.asked += 1
        return self.box.mac

    async def get_miner_conf(self) -> dict[str, Any]:
        return {"bitmain-work-mode": self.box.mode, "pools": POOLS}

    async def set_miner_conf(self, conf: dict[str, Any]) -> dict[str, str]:
        self.box.mode = str(conf["miner-mode"])
        return {"stats": "success"}


class Site:
    """Devices at their addresses, on a loop whose time goes by hand."""

    def __init__(self, **plugged: Box) -> None:
        self.plugged = {at.replace("_", "."): box for at, box in plugged.items()}
        self.loop = asyncio.get_running_loop()
        self.now = 1000.0
        self.devices = PyasicDevices(self.loop, cast("Factory", self), WELL_BEFORE)
        self.devices._now = lambda: Seconds(self.now)  # type: ignore[method-assign]  # time by hand

    async def get_miner(self, ip: str) -> AntminerModern | None:
        return AntminerModern(self.plugged, ip) if ip in self.plugged else None

    async def send_api_command(self, *_: str) -> str:
        return "stock"

    async def told(self, call: Coroutine[Any, Any, Any]) -> Any:
        return await Deferred.fromCoroutine(call).asFuture(self.loop)

    async def identity_at(self, address: str) -> str | None:
        """Return who is at an address, once that has been asked."""
        reports = [await self.told(self.devices.read(address))]
        await asyncio.gather(*self.devices._asking.values())
        reports += [await self.told(self.devices.read(address)) for _ in range(2)]
        told = [report.identity for report in reports]
        assert told.count(None) >= len(told) - 1, "an answer is reported once"
        return self.devices._known[address].identity

    async def lose(self, address: str) -> None:
        """Let a device fail until it is forgotten."""
        for _ in range(FORGET_AFTER):
            with pytest.raises(DeviceError):
                await self.told(self.devices.wake(address))


@pytest.fixture(autouse=True)
def reports(monkeypatch: pytest.MonkeyPatch) -> None:
    async def read_report(miner: AntminerModern, _: object) -> DeviceReport:
        return DeviceReport(is_asleep=miner.box.mode == "1")

    monkeypatch.setattr("proxy.devices.machine.read_report", read_report)

    async def explained(_: object, error: DeviceError) -> DeviceError:
        return error

    monkeypatch.setattr("proxy.devices.machine.explained", explained)


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scenario, WELL_BEFORE))


def test_a_machine_that_was_forgotten_wakes_in_the_mode_of_its_owner() -> None:
    async def scenario() -> None:
        box = Box(A, LOW)
        site = Site(**{"10_0_0_1": box})
        await site.told(site.devices.sleep(HERE))
        box.is_silent = True
        await site.lose(HERE)
        assert HERE not in site.devices._known

        box.is_silent = False
        assert await site.told(site.devices.wake(HERE))
        assert box.mode == LOW

    run(scenario())


@pytest.mark.parametrize("is_taken", [False, True], ids=["moved", "swapped"])
def test_a_machine_that_moved_wakes_in_the_mode_of_its_owner(*, is_taken: bool) -> None:
    async def scenario() -> None:
        box, other = Box(A, LOW), Box(B)
        site = Site(**{"10_0_0_1": box, "10_0_0_2": other})
        for address in (HERE, THERE):
            await site.told(site.devices.sleep(address))
            await site.identity_at(address)
        site.plugged = {THERE: box, HERE: other} if is_taken else {THERE: box}

        for machine in site.devices._known.values():
            machine._miner._plugged = site.plugged
        site.now += IDENTITY_FOR
        for address in site.plugged:
            await site.identity_at(address)
        site.now += ANSWERS_FOR
        assert await site.identity_at(THERE) == A
        assert await site.told(site.devices.wake(THERE))
        assert box.mode == LOW

    run(scenario())


def test_who_is_there_is_asked_now_and_then_and_after_a_failure() -> None:
    async def scenario() -> None:
        box = Box(A)
        site = Site(**{"10_0_0_1": box})
        for _ in range(3):
            assert await site.identity_at(HERE) == A
        assert box.asked == 1

        site.now += IDENTITY_FOR
        await site.identity_at(HERE)
        assert box.asked == 2

        box.is_silent = True
        with pytest.raises(DeviceError):
            await site.told(site.devices.read(HERE))
        box.is_silent, box.mac = False, B
        assert await site.identity_at(HERE) == B
        assert box.asked == 3

    run(scenario())


def test_machines_of_one_identity_keep_their_own() -> None:
    async def scenario() -> None:
        low, normal = Box(A, LOW), Box(A)
        site = Site(**{"10_0_0_1": low, "10_0_0_2": normal})
        for address in (HERE, THERE):
            await site.identity_at(address)
        assert low.asked == 1
        await site.identity_at(HERE)
        assert low.asked == 2, "whether it still is who it was"
        for address in (HERE, THERE):
            await site.told(site.devices.sleep(address))
        for address in (HERE, THERE):
            await site.told(site.devices.wake(address))
        assert (low.mode, normal.mode) == (LOW, "0")

    run(scenario())


def test_other_firmware_knows_nothing_of_what_was_found() -> None:
    machines = FoundMachines()
    stock = machines.of(HERE, STOCK, A)

    assert machines.of(HERE, STOCK, None) is stock
    assert machines.of(HERE, LUXOS, A) is not stock
    assert machines.of(HERE, STOCK, B) is not stock


def test_the_limits_fit_together(monkeypatch: pytest.MonkeyPatch) -> None:
    assert control.MAX_KNOWN == found.MAX_FOUND == MAX_MACHINES >= 27_000
    monkeypatch.setattr(found, "MAX_FOUND", 2)
    machines = FoundMachines()
    kept = [machines.of(f"10.0.0.{n}", STOCK, f"02:00:5e:10:00:0{n}") for n in range(3)]

    assert machines.address_of(A[:-1] + "0") is None
    assert machines.of("10.0.1.1", STOCK, "02:00:5e:10:00:02") is kept[2]


@pytest.mark.parametrize(
    ("told", "identity"),
    [
        ("02:00:5E:10:00:0A", A),
        ("02005E10000A", A),
        ("02-00-5e-10-00-0a", A),
        ("00:00:00:00:00:00", None),
        ("ff:ff:ff:ff:ff:ff", None),
        ("n/a", None),
        ("", None),
        (None, None),
        (7, None),
    ],
)
def test_a_mac_has_one_form(told: Any, identity: str | None) -> None:
    assert normalized(told) == identity


NUMBER = "SMTTDBABD1234567"


@pytest.mark.parametrize(
    ("told", "identity"),
    [
        (f" {NUMBER}\n", f"serial {NUMBER}"),
        ("JYZZ1234", "serial JYZZ1234"),
        ("00000000", None),
        ("unknown123?", None),
        ("NoSerial", None),
        ("1234567", None),
        ("12345678" * 5, None),
        ("", None),
        (None, None),
    ],
)
def test_a_serial_number_is_none_where_it_is_a_filler(
    told: Any, identity: str | None
) -> None:
    assert serial_of(told) == identity
    assert identity is None or not is_local(identity)


def test_luxos_is_asked_itself_and_nobody_fails_over_an_identity() -> None:
    class Rpc:
        said: ClassVar[dict[str, Any]] = {"MACAddr": A.upper(), "SerialNumber": NUMBER}

        async def config(self) -> dict[str, Any]:
            return {"CONFIG": [self.said]}

    class Broken:
        async def get_mac(self) -> str:
            raise KeyError("mac")

    async def scenario() -> None:
        lux = type("LUXMiner", (), {"rpc": Rpc()})()
        assert await identity_of(lux, LUXOS) == A
        Rpc.said = {"MACAddr": "00:00:00:00:00:00", "SerialNumber": NUMBER}
        assert await identity_of(lux, LUXOS) == f"serial {NUMBER}"
        Rpc.said = {}
        assert await identity_of(lux, LUXOS) is None
        assert await identity_of(Broken(), STOCK) is None

    run(scenario())
