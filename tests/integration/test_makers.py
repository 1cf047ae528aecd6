"""Every maker's firmware at its own wire, through pyasic as the controller uses it."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from attrs import evolve
from twisted.internet.task import Clock

from protocol.units import Watts
from proxy.cli.help import topic
from proxy.devices.identify import find_miner
from proxy.devices.library import load_factory
from proxy.devices.machine import PyasicMachine
from proxy.devices.slot_audit import foreign_pools
from proxy.power.ports import DeviceError, DeviceLoginError, DeviceReport
from tests.fakes.makers.behaviour import FakeMachine, Switches
from tests.fakes.makers.every import MAKERS, Maker, maker_of, prompt, started
from tests.fakes.makers.table import Row, table
from tests.fakes.makers.virtual import VirtualMakers
from tests.fakes.makers.wire import MakersFake

pytestmark = [
    pytest.mark.integration,
    pytest.mark.filterwarnings("ignore"),  # pyasic warns of what it does not know
]

NAMES = [maker.behaviour.name for maker in MAKERS]
SLEEPERS = [maker.behaviour.name for maker in MAKERS if maker.behaviour.sleeps]
PROTECTED = [n for n in SLEEPERS if n not in {"Avalon", "LuxOS", "Braiins OS"}]
SAY_A_MAC = {
    "LuxOS",
    "Antminer stock",
    "Whatsminer v2",
    "Whatsminer v3",
    "Braiins OS",
    "Auradine",
}
LIMIT = Watts(2500.0)
OURS, THEIRS = "stratum+tcp://127.0.0.1:3333", "pool.example:3333"
WITHIN = 60.0


def run(scenario: Coroutine[Any, Any, None]) -> None:
    """Run a scenario on a loop of its own; skip where port 80 is not ours."""

    async def bounded() -> None:
        await asyncio.wait_for(scenario, WITHIN)

    try:
        asyncio.run(bounded())
    except PermissionError:
        pytest.skip("port 80 needs a privilege here")


@asynccontextmanager
async def a_machine(
    maker: Maker,
    octet: int,
    switches: Switches | None = None,
    pools: tuple[str, ...] = (OURS,),
) -> AsyncIterator[tuple[Any, PyasicMachine]]:
    address = f"127.49.{octet}.{NAMES.index(maker.behaviour.name) + 1}"
    fake = await started(prompt(maker), address, time.monotonic, switches, pools)
    miner = await find_miner(load_factory(), address)
    try:
        yield fake, PyasicMachine(miner)
    finally:
        await fake.stop()


async def answer_of(call: Awaitable[Any]) -> Any:
    """Return what a call answers, its error as a text."""
    try:
        return await asyncio.wait_for(call, 10.0)
    except Exception as error:  # noqa: BLE001  (as PyasicDevices takes them)
        return f"{type(error).__name__}: {error}"


async def row_of(maker: Maker, octet: int) -> Row:
    """Return what can be done with a machine of `maker`, each proved by its model."""
    async with a_machine(maker, octet) as (fake, machine):
        found = await machine.read()
        slept = await answer_of(machine.sleep()) is True
        asleep = (await machine.read()).is_asleep is True
        woke = await answer_of(machine.wake()) is True
        awake = (await machine.read()).is_asleep is False
        limited = await answer_of(machine.limit(LIMIT)) is True
        limit_w = (await machine.read()).limit_w
        commands = [slept, woke, limited]
        told = [name in fake.machine.commands for name in ("sleep", "wake", "limit")]
    assert commands == told
    return Row(
        maker.behaviour.name,
        found,
        sleeps=slept and asleep,
        wakes=woke and awake,
        limits=limited and limit_w is not None and limit_w <= LIMIT,
    )


def test_the_table_of_help_devices_is_what_the_makers_do() -> None:
    rows: list[Row] = []

    async def scenario() -> None:
        rows.extend(await asyncio.gather(*(row_of(maker, 1) for maker in MAKERS)))

    run(scenario())

    assert table(rows) in topic("devices")


def test_machines_are_known_by_the_mac_that_their_own_api_says() -> None:
    said: dict[str, str | None] = {}

    async def ask(maker: Maker) -> None:
        async with a_machine(maker, 40) as (_, machine):
            await machine.ask_identity()
            said[maker.behaviour.name] = (await machine.read()).identity

    async def scenario() -> None:
        await asyncio.gather(*(ask(maker_of(name)) for name in SAY_A_MAC))

    run(scenario())

    assert all(mac is not None and mac.startswith("02:00:") for mac in said.values())
    assert len(set(said.values())) == len(SAY_A_MAC)


@pytest.mark.parametrize("name", SLEEPERS)
def test_a_machine_that_lies_is_seen_not_to_sleep(name: str) -> None:
    async def scenario() -> None:
        async with a_machine(maker_of(name), 2, Switches(lies=True)) as (_, machine):
            acknowledged = await answer_of(machine.sleep())
            report = await machine.read()

        assert acknowledged is True
        assert report.is_asleep is False

    run(scenario())


@pytest.mark.parametrize("name", SLEEPERS)
def test_a_locked_machine_refuses_and_is_read_on(name: str) -> None:
    async def scenario() -> None:
        locked = Switches(locked=True)
        async with a_machine(maker_of(name), 3, locked) as (fake, machine):
            answer = await answer_of(machine.sleep())
            report = await machine.read()

        assert answer is False or "Error" in str(answer)
        assert report.is_asleep is False
        assert report.hashrate_hs == pytest.approx(fake.machine.th_s * 1e12)

    run(scenario())


@pytest.mark.parametrize("name", sorted({*PROTECTED} - {"Whatsminer v3"}))
def test_a_wrong_password_is_told_from_any_other_refusal(name: str) -> None:
    async def why(octet: int, switches: Switches) -> DeviceError | None:
        async with a_machine(maker_of(name), octet, switches) as (_, machine):
            refused = DeviceError("the device refused")
            try:
                await machine.sleep()
            except DeviceLoginError as error:
                return error
            except Exception as error:  # noqa: BLE001  (as PyasicDevices takes them)
                refused = DeviceError(str(error))
            return await machine.explain(refused)

    async def scenario() -> None:
        wrong = Switches(password="theirs")  # noqa: S106
        assert isinstance(await why(14, wrong), DeviceLoginError)
        assert not isinstance(await why(15, Switches(locked=True)), DeviceLoginError)

    run(scenario())


@pytest.mark.parametrize("name", PROTECTED)
def test_with_another_password_no_command_is_taken_for_obeyed(name: str) -> None:
    async def scenario() -> None:
        changed = Switches(password="theirs")  # noqa: S106
        async with a_machine(maker_of(name), 4, changed) as (fake, machine):
            answers = [
                await answer_of(machine.sleep()),
                await answer_of(machine.wake()),
            ]
            report = await answer_of(machine.read())

        assert True not in answers
        assert not fake.machine.commands
        if isinstance(report, DeviceReport):
            assert report.is_asleep is not True

    run(scenario())


@pytest.mark.parametrize("name", NAMES)
def test_one_garbled_field_costs_no_other(name: str) -> None:
    async def scenario() -> None:
        garbled = Switches(garbled=True)
        async with a_machine(maker_of(name), 5, garbled) as (fake, machine):
            report = await machine.read()

        assert report.hashrate_hs == pytest.approx(fake.machine.th_s * 1e12)
        assert report.pool_urls

    run(scenario())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "slot",
    ["pool.example:3333", "stratum+tls://pool.example:3333", "tcp://pool.example:3333"],
)
def test_a_slot_is_audited_however_its_owner_typed_it(name: str, slot: str) -> None:
    async def scenario() -> None:
        slots = (OURS, slot)
        async with a_machine(maker_of(name), 6, pools=slots) as (_, machine):
            report = await machine.read()

        assert report.hashrate_hs
        (foreign,) = foreign_pools(report.pool_urls, ["127.0.0.1"])
        assert "pool.example:3333" in foreign

    run(scenario())


@pytest.mark.parametrize("name", NAMES)
def test_a_machine_that_reboots_is_read_again(name: str) -> None:
    async def scenario() -> None:
        async with a_machine(maker_of(name), 7) as (fake, machine):
            await fake.stop()
            gone = await answer_of(machine.read())
            fake.machine.reboot()
            await fake.start()
            report = await machine.read()

        assert "DeviceError" in str(gone)
        assert report.is_asleep is False

    run(scenario())


@pytest.mark.parametrize("name", SLEEPERS)
def test_a_slow_machine_is_no_machine_that_obeyed(name: str) -> None:
    async def scenario() -> None:
        async with a_machine(maker_of(name), 8) as (fake, machine):
            fake.machine.switches.slow_s = 5.0
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(machine.sleep(), 0.5)

    run(scenario())


@pytest.mark.parametrize("name", ["Antminer stock", "VNish"])
def test_nothing_is_written_over_what_could_not_be_read(name: str) -> None:
    async def scenario(command: Callable[[PyasicMachine], Awaitable[bool]]) -> None:
        lost = Switches(lost_reads=1)
        async with a_machine(maker_of(name), 9, lost, (OURS, THEIRS)) as (
            fake,
            machine,
        ):
            answer = await answer_of(command(machine))

        assert "Error" in str(answer)
        assert fake.machine.pools == (OURS, THEIRS)
        assert not fake.machine.commands

    is_stock = name == "Antminer stock"
    run(scenario(PyasicMachine.sleep if is_stock else lambda m: m.limit(LIMIT)))


def test_a_stock_antminer_wakes_as_its_owner_had_set_it() -> None:
    async def scenario() -> None:
        maker = maker_of("Antminer stock")
        async with a_machine(maker, 10, pools=(OURS, THEIRS)) as (fake, machine):
            found = {**fake.settings, "bitmain-freq-level": "90"}
            fake.settings, fake.mode = dict(found), "3"  # low power
            await machine.sleep()
            asleep = fake.mode
            await machine.wake()

        assert asleep == "1"
        assert fake.mode == "3"
        assert fake.settings == found
        assert fake.machine.pools == (OURS, THEIRS)

    run(scenario())


def test_vnish_is_no_stock_antminer_whoever_answers_first() -> None:
    async def scenario() -> None:
        async with a_machine(maker_of("VNish"), 11) as (fake, _):
            names = [await _firmware(fake) for _ in range(5)]

        assert names == ["VNish"] * 5

    run(scenario())


async def _firmware(fake: MakersFake) -> str:
    miner = await find_miner(load_factory(), fake.address)
    return PyasicMachine(miner).quirks.firmware


def test_an_error_of_a_device_names_its_firmware() -> None:
    async def scenario() -> None:
        async with a_machine(maker_of("Bitaxe"), 12) as (_, machine):
            with pytest.raises(DeviceError, match="ESP-Miner cannot be put to sleep"):
                await machine.sleep()

    run(scenario())


@pytest.mark.parametrize(("locked", "is_taken"), [(False, True), (True, False)])
def test_luxos_keeps_its_thermal_management_whatever_becomes_of_a_limit(
    locked: bool,  # noqa: FBT001
    is_taken: bool,  # noqa: FBT001
) -> None:
    async def scenario() -> None:
        switches = Switches(locked=locked)
        async with a_machine(maker_of("LuxOS"), 13, switches) as (fake, machine):
            fake.is_managed = True
            answer = await answer_of(machine.limit(LIMIT))
            managed = fake.is_managed

        assert answer is is_taken
        assert managed
        assert (fake.machine.limit_w == 2353.0) is is_taken

    run(scenario())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "switches", [Switches(), Switches(lies=True), Switches(locked=True)], ids=repr
)
def test_a_machine_behind_the_port_does_as_one_behind_its_wire(
    name: str, switches: Switches
) -> None:
    maker = prompt(maker_of(name))
    virtual = FakeMachine(maker.behaviour, lambda: 0.0, evolve(switches), (OURS,))
    port = VirtualMakers({"here": virtual}, Clock())
    wire: list[Any] = []

    async def scenario() -> None:
        async with a_machine(maker, 14, evolve(switches)) as (_, machine):
            for verb, *arguments in DIALOGUE:
                wire.append(await answer_of(getattr(machine, verb)(*arguments)))

    run(scenario())
    behind = [dialogue_step(port, verb, *more) for verb, *more in DIALOGUE]

    assert [told(answer) for answer in behind] == [told(answer) for answer in wire]


DIALOGUE: tuple[tuple[Any, ...], ...] = (
    ("read",), ("sleep",), ("read",), ("wake",), ("read",), ("limit", LIMIT), ("read",),
)  # fmt: skip


def dialogue_step(port: VirtualMakers, verb: str, *arguments: Any) -> Any:
    try:
        getattr(port, verb)("here", *arguments).send(None)
    except StopIteration as answered:
        return answered.value
    except DeviceError as error:
        return f"DeviceError: {error}"
    raise AssertionError("it waits")


def told(answer: Any) -> Any:
    """Return what counts of an answer: a refusal is one, in whatever words."""
    if not isinstance(answer, DeviceReport):
        return answer is True
    hosts = [url.rpartition("://")[2] for url in answer.pool_urls]
    found = answer.hashrate_hs
    terahashes = None if found is None else round(found / 1e12, 3)
    return (answer.is_asleep, answer.limit_w, answer.power_w, terahashes, hosts)


def test_an_auradine_gets_back_the_mode_that_its_owner_chose() -> None:
    async def scenario() -> None:
        async with a_machine(maker_of("Auradine"), 15) as (fake, machine):
            fake.mode = "eco"
            modes = []
            for watts in (LIMIT, 2000.0, 2900.0):
                await machine.limit(Watts(watts))
                modes.append(fake.mode)

        assert modes == ["custom", "custom", "eco"]
        assert fake.machine.commands == ["limit"] * 3

    run(scenario())
