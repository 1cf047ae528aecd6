"""A whole proxy whose budget masters that others wrote set over Modbus TCP.

pymodbus, and mbpoll where it is installed (`apt-get install mbpoll`).
"""

import asyncio
import contextlib
import logging
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pymodbus.client import AsyncModbusTcpClient

from protocol.setpoint.registers import as_int32
from tests.peers.bad_line import BadLine
from tests.peers.site_process import LEASE, SiteProcess, until
from tests.support import PATIENCE, free_port

pytestmark = pytest.mark.integration

_log = logging.getLogger(__name__)

ENABLE, SET, POWER = 40_092, 40_094, 40_147

SIGNAL = """
kind = "modbus"
name = "scada"
listen = "tcp:{modbus}:interface=127.0.0.1"
lease_s = {lease}
"""


class Site(SiteProcess):
    """`baseload run` with a Modbus signal."""

    def __init__(self, path: Path) -> None:
        self.modbus = free_port()
        super().__init__(path, SIGNAL.format(modbus=self.modbus, lease=LEASE))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("site"))
    until(lambda: site.watts == 4_000)
    yield site
    site.close()


async def settled(site: Site, client: AsyncModbusTcpClient, watts: int) -> float:
    """Write a setpoint until it is in force; return how long the last one took."""
    for _ in range(int(PATIENCE)):
        began = time.monotonic()
        reply = await client.write_registers(ENABLE, [1, 1, *as_int32(watts)])
        assert not reply.isError(), reply
        if site.watts == watts:
            return time.monotonic() - began
        await asyncio.sleep(1.0)
    raise AssertionError(site.shown)


def test_pymodbus_sets_and_reads_back_the_budget_of_a_site(site: Site) -> None:
    async def drive() -> None:
        client = AsyncModbusTcpClient("127.0.0.1", port=site.modbus)
        assert await client.connect()
        await settled(site, client, 20_000)
        refused = await client.write_registers(SET, list(as_int32(50_000)))
        assert refused.exception_code == 3
        outside = await client.write_register(40_000, 1)
        assert outside.exception_code == 2
        assert (await client.write_coil(1, True)).exception_code == 1
        torn = await client.write_register(SET, 0)
        assert not torn.isError()
        assert site.watts == 20_000
        await settled(site, client, 12_000)
        read = await client.read_holding_registers(SET, count=2)
        assert tuple(read.registers) == as_int32(12_000)
        head = await client.read_holding_registers(40_000, count=2)
        assert bytes.fromhex("".join(f"{r:04x}" for r in head.registers)) == b"SunS"
        client.close()

    asyncio.run(drive())

    shown = site.shown["signals"][0]
    assert (shown["last_w"], shown["is_ruling"]) == (12_000, True)
    assert "half of a 32-bit number" in site.events()


def test_a_master_that_is_gone_lapses_and_a_first_word_does_not_raise(
    site: Site,
) -> None:
    async def drive() -> None:
        client = AsyncModbusTcpClient("127.0.0.1", port=site.modbus)
        assert await client.connect()
        await settled(site, client, 30_000)
        began = time.monotonic()
        while site.watts == 30_000:
            # Connected, and reading, it is silent all the same.
            await client.read_holding_registers(POWER, count=1)
            await asyncio.sleep(0.1)
            assert time.monotonic() - began < PATIENCE
        assert site.watts == 4_000
        await client.write_registers(ENABLE, [1, 1, *as_int32(30_000)])
        await asyncio.sleep(0.5)
        assert site.watts == 4_000
        await settled(site, client, 30_000)
        client.close()

    asyncio.run(drive())


@pytest.mark.skipif(shutil.which("mbpoll") is None, reason="mbpoll is not installed")
def test_mbpoll_sets_the_budget_of_a_site(site: Site) -> None:
    def poll(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["mbpoll", "-m", "tcp", "-p", str(site.modbus), "-0", "-1"]
        return subprocess.run(  # noqa: S603
            [*command, *arguments], capture_output=True, text=True, check=False
        )

    place, value = ("-t", "4:int", "-B", "-r", str(SET), "127.0.0.1"), "8000"
    # Again and again, as a plant does: on a busy machine two may be a lease apart.
    for _ in range(int(PATIENCE)):
        assert poll(*place, value).returncode == 0
        assert poll("-t", "4", "-r", str(ENABLE), "127.0.0.1", "1").returncode == 0
        if site.watts == 8_000:
            break
        time.sleep(1.1)
    else:
        raise AssertionError(site.shown)

    assert "8000" in poll(*place).stdout
    assert "Illegal data value" in poll(*place, "50000").stderr


class Master:
    """A master in a process of its own, perhaps over a bad line."""

    def __init__(self, port: int, watts: int) -> None:
        script = str(Path(__file__).with_name("modbus_master.py"))
        command = [sys.executable, script, str(port), str(watts)]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)  # noqa: S603

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE)


@pytest.mark.parametrize("fault", ["frozen", "killed", "cut", "slow"])
def test_a_master_that_is_gone_without_a_word_lapses(site: Site, fault: str) -> None:
    line = BadLine(site.modbus)
    master = Master(line.port, 30_000)
    until(lambda: site.watts == 30_000)
    began = time.monotonic()
    if fault == "frozen":
        master.freeze()
    elif fault == "killed":
        master.kill()
    else:
        line.is_cut, line.is_slow = fault == "cut", fault == "slow"

    took = site.lapses(began, 30_000)

    _log.info("%s: lapsed after %.1f s of a lease of %d s", fault, took, LEASE)
    assert LEASE - 1.5 < took < LEASE + 2.0
    # What was on its way comes late: a first word, which raises nothing.
    master.kill()
    line.is_cut = line.is_slow = False
    time.sleep(1.5)
    assert site.watts == 4_000
    line.close()
    again = Master(site.modbus, 20_000)
    until(lambda: site.watts == 20_000)
    again.kill()


def test_a_setpoint_is_in_force_within_a_second(site: Site) -> None:
    async def drive() -> list[float]:
        client = AsyncModbusTcpClient("127.0.0.1", port=site.modbus)
        assert await client.connect()
        await settled(site, client, 20_000)
        took = []
        for n in range(1, 21):
            watts, began = 20_000 + 100 * n, time.monotonic()
            await client.write_registers(ENABLE, [1, 1, *as_int32(watts)])
            while site.watts != watts:
                assert time.monotonic() - began < PATIENCE
                await asyncio.sleep(0.002)
            took.append(time.monotonic() - began)
            await asyncio.sleep(0.06)
        client.close()
        return sorted(took)

    took = asyncio.run(drive())

    _log.info("setpoint to cap, asked over the admin socket: %s s", took)
    assert took[10] < 1.0


def test_a_master_that_lies_raises_nothing_and_each_lie_is_an_event(site: Site) -> None:
    async def drive() -> None:
        client = AsyncModbusTcpClient("127.0.0.1", port=site.modbus)
        assert await client.connect()
        await settled(site, client, 20_000)
        for lie in (0x80000000, 0xFFFFFFFF, 48_001, 20_000_000):
            words = [1, 1, lie >> 16, lie & 0xFFFF]
            refused = await client.write_registers(ENABLE, words)
            assert refused.exception_code == 3
        for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 300, b"\xff" * 7):
            reader, writer = await asyncio.open_connection("127.0.0.1", site.modbus)
            writer.write(garbage)
            with contextlib.suppress(ConnectionResetError):
                assert await asyncio.wait_for(reader.read(100), PATIENCE) == b""
            writer.close()
        # What was written once, played again by somebody else.
        other = AsyncModbusTcpClient(
            "127.0.0.1", port=site.modbus, source_address=("127.0.0.2", 0)
        )
        assert await other.connect()
        played = await other.write_registers(ENABLE, [1, 1, *as_int32(30_000)])
        assert played.exception_code == 6
        other.close()
        await settled(site, client, 20_000)
        client.close()

    asyncio.run(drive())

    assert site.watts == 20_000
    for why in ("127.0.0.1 is the master", "wanted", "protocol"):
        until(lambda why=why: why in site.events())  # type: ignore[misc]
