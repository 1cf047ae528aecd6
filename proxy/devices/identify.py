"""What a device is: pyasic's answer, looked at again where pyasic 0.79 guesses wrong.

* VNish names the Antminer that it runs on, and pyasic asks its web page and port 4028
  at once: whichever answers first decides, so that the same machine is a stock Antminer
  on some days (pyasic 423). Its version says which it is.
* A Whatsminer whose port 4028 is closed (firmware of 2024.11 and later) is asked for no
  version, and is then spoken to in the API of the older ones, which it does not have.
"""

from typing import Any

from proxy.devices.library import Factory

_STOCK = {"AntminerModern", "AntminerOld", "BMMiner"}


async def find_miner(factory: Factory, address: str) -> Any | None:
    """Return the pyasic machine at an address, None if nothing answers there."""
    miner = await factory.get_miner(address)
    names = {kind.__name__ for kind in type(miner).__mro__}
    if names & _STOCK:
        return await _vnish_instead(factory, address) or miner
    if "BTMinerV2" in names:
        return await _newer_whatsminer_instead(factory, address) or miner
    return miner


async def _vnish_instead(factory: Any, address: str) -> Any | None:
    version = await factory.send_api_command(address, "version")
    if "VNISH" not in str(version).upper():
        return None
    return _machine("VNISH", await factory.get_miner_model_vnish(address), address)


async def _newer_whatsminer_instead(factory: Any, address: str) -> Any | None:
    if await factory.send_api_command(address, "get_version") is not None:
        return None
    info = await factory.send_btminer_v3_api_command(address, "get.device.info")
    if not isinstance(info, dict):
        return None
    version = info.get("msg", {}).get("system", {}).get("fwversion")
    model = await factory.get_miner_model_whatsminer(address)
    return _machine("WHATSMINER", model, address, version)


def _machine(
    maker: str, model: str | None, address: str, version: str | None = None
) -> Any:
    from pyasic.miners.factory import MINER_CLASSES, MinerTypes  # noqa: PLC0415

    classes = MINER_CLASSES[MinerTypes[maker]]
    kind = classes.get(str(model).upper(), classes[None])
    return kind(address, version)
