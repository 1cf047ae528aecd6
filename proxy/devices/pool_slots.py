"""The pool slots of a device as its owner typed them.

pyasic 0.79 gives a slot without a scheme or a port as None, fails at a scheme that it
does not know (`stratum+tls://`, `tcp://`; pyasic 216, 398), has none of ESP-Miner's and
Auradine's, and one of ePIC's. Where it leaves something out the device is asked itself.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

MAX_SLOTS = 16
"""Pool slots that are looked at; firmware has three, or nine in groups."""

MAX_URL = 512
"""Characters of a slot that are kept; firmware takes 128 to 256."""


Source = Callable[[Any], Awaitable[list[str]]]
"""Returns the slots of a pyasic machine, raising whatever its firmware provokes."""


async def pool_slots(miner: Any, pools: Sequence[Any] | None) -> tuple[str, ...]:
    """Return the URLs of a device's pool slots in order, empty ones left out.

    Args:
        miner: A pyasic machine.
        pools: Its `PoolMetrics`; None: they could not be read.
    """
    names = {kind.__name__ for kind in type(miner).__mro__}
    is_whole = pools is not None and all(p.url is not None for p in pools)
    if is_whole and not names & _INCOMPLETE:
        return _kept(str(pool.url) for pool in pools or ())
    try:
        return _kept(await _source_of(names)(miner))
    except Exception:  # noqa: BLE001  (whatever a firmware provokes in pyasic)
        return _kept(str(p.url) for p in pools or () if p.url is not None)


def _kept(urls: Iterable[str]) -> tuple[str, ...]:
    """Return what of `urls` is looked at: so many, so long, no control characters."""
    plain = ("".join(c for c in url if c.isprintable()).strip() for url in urls)
    return tuple(url[:MAX_URL] for url in plain if url)[:MAX_SLOTS]


async def _of_cgminer(miner: Any) -> list[str]:
    reply = await miner.rpc.send_command("pools", allow_warning=False)
    return [str(row.get("URL") or "") for row in reply["POOLS"]]


async def _of_whatsminer_v3(miner: Any) -> list[str]:
    reply = await miner.rpc.get_miner_status_summary()
    return [str(row.get("url") or "") for row in reply["msg"]["pools"]]


async def _of_braiins(miner: Any) -> list[str]:
    reply = await miner.web.get_pool_groups()
    return [p.get("url", "") for g in reply["poolGroups"] for p in g["pools"]]


async def _of_epic(miner: Any) -> list[str]:
    reply = await miner.web.summary()
    configs = [row.get("pool") or "" for row in reply.get("StratumConfigs") or ()]
    return configs or [reply["Stratum"]["Current Pool"] or ""]


async def _of_esp_miner(miner: Any) -> list[str]:
    info = await miner.web.system_info()
    return [
        f"{info[name + 'URL']}:{info.get(name + 'Port', 0)}"
        for name in ("stratum", "fallbackStratum")
        if info.get(name + "URL")
    ]


_SOURCES: dict[str, Source] = {
    "BTMinerV3": _of_whatsminer_v3,
    "BOSer": _of_braiins,
    "ePIC": _of_epic,
    "ESPMiner": _of_esp_miner,
}
"""By the name of pyasic's backend class; all others speak cgminer's API."""


_INCOMPLETE = {"ePIC", "ESPMiner", "Auradine"}
"""What pyasic says of these is not all that there is."""


def _source_of(names: set[str]) -> Source:
    return next((s for name, s in _SOURCES.items() if name in names), _of_cgminer)
