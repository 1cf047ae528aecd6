"""What another library, asic-rs (`pip install pyasic_rs`), makes of the same machines.

`python -m tests.fakes.makers.compare` prints the table of ADR 16; needs port 80.
"""

import asyncio
import sys
from collections.abc import Awaitable
from typing import Any

from protocol.units import HashesPerSecond, Watts
from proxy.power.ports import DeviceReport
from tests.fakes.makers.every import MAKERS, Maker, prompt, started
from tests.fakes.makers.table import Row, table

LIMIT_W = 2500.0
WITHIN = 15.0
NOTHING = DeviceReport()


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _tried(call: Awaitable[Any]) -> Any:
    """Return what a call answers, None where it fails."""
    try:
        return await asyncio.wait_for(call, WITHIN)
    except Exception:  # noqa: BLE001  (a library's error is a cell of the table)
        return None


async def row_of(maker: Maker, address: str) -> Row:
    """Return what asic-rs can do with a machine of `maker`."""
    from pyasic_rs import MinerFactory  # noqa: PLC0415

    fake = await started(prompt(maker), address, _now)
    miner = await _tried(MinerFactory().get_miner(address))
    name = maker.behaviour.name
    if miner is None:
        await fake.stop()
        return Row(name, NOTHING, sleeps=False, wakes=False, limits=False)
    report = await _report(miner)
    slept = await _tried(miner.pause()) is True and fake.machine.is_asleep
    woke = await _tried(miner.resume()) is True and not fake.machine.is_asleep
    limited = await _tried(miner.set_power_limit(LIMIT_W)) is True
    is_limited = limited and (fake.machine.limit_w or LIMIT_W + 1) <= LIMIT_W
    await fake.stop()
    return Row(name, report, sleeps=slept, wakes=woke and slept, limits=is_limited)


async def _report(miner: Any) -> DeviceReport:
    watts, rate = await _tried(miner.get_wattage()), await _tried(miner.get_hashrate())
    target = await _tried(miner.get_tuning_target())
    limit = getattr(target, "watts", None) if "power" in str(target) else None
    groups = await _tried(miner.get_pools()) or []
    urls = tuple(str(pool.url) for group in groups for pool in group.pools)
    return DeviceReport(
        limit_w=None if limit is None else Watts(limit),
        power_w=None if watts is None else Watts(watts),
        hashrate_hs=None if rate is None else HashesPerSecond(1.0),
        pool_urls=urls,
    )


async def pools_after_lost_read(maker: Maker, address: str) -> tuple[str, ...]:
    """Return a machine's pools after a sleep before which one read was lost."""
    from pyasic_rs import MinerFactory  # noqa: PLC0415

    fake = await started(prompt(maker), address, _now)
    miner = await _tried(MinerFactory().get_miner(address))
    fake.machine.switches.lost_reads = 1
    if miner is not None:
        await _tried(miner.pause())
    await fake.stop()
    return fake.machine.pools


async def main() -> None:
    """Print what asic-rs can do with each maker's machine."""
    rows = [
        await row_of(maker, f"127.50.0.{number}")
        for number, maker in enumerate(MAKERS, 1)
    ]
    stock = next(m for m in MAKERS if m.behaviour.name == "Antminer stock")
    pools = await pools_after_lost_read(stock, "127.50.1.1")
    lost = f"stock Antminer after a lost read: pools {pools}"
    sys.stdout.write(f"{table(rows)}\n{lost}\n")


if __name__ == "__main__":
    asyncio.run(main())
