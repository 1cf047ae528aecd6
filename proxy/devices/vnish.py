"""Limits of VNish: one of its presets that is tuned.

`set_power_limit` of pyasic 0.79 always answers False: its `MiningModeConfig.from_vnish`
takes every machine for one without presets (pyasic 430). Its web API is used instead.
"""

from typing import Any

from protocol.units import Watts
from proxy.power.ports import DeviceError


async def set_preset(web: Any, watts: Watts) -> bool:
    """Set the strongest tuned preset of at most `watts`; return whether it is set.

    Nothing but the name of the preset is changed of what was read.

    Args:
        web: pyasic's web API of the machine.
        watts: The limit.

    Raises:
        DeviceError: Its settings cannot be read.
    """
    overclock = await _overclock(web)
    names = [name for name, power in await _tuned(web) if power <= watts]
    if not names:
        return False
    if overclock["preset"] != names[-1]:
        miner = {"overclock": overclock | {"preset": names[-1]}}
        await web.send_command("settings", privileged=True, miner=miner)
    return bool((await _overclock(web))["preset"] == names[-1])


async def _overclock(web: Any) -> dict[str, Any]:
    settings = await web.settings()
    overclock = settings.get("miner", {}).get("overclock")
    if not isinstance(overclock, dict) or "preset" not in overclock:
        raise DeviceError("VNish: its settings cannot be read")
    return overclock


async def _tuned(web: Any) -> list[tuple[str, float]]:
    """Return (name, watts) of the presets that it has tuned, weakest first."""
    presets = await web.autotune_presets()
    rows = presets.get("presets", []) if isinstance(presets, dict) else presets
    found = [(row["name"], _watts(row)) for row in rows if row["status"] == "tuned"]
    known = [(name, power) for name, power in found if power is not None]
    return sorted(known, key=lambda preset: preset[1])


def _watts(row: dict[str, Any]) -> float | None:
    """Return the watts of `"pretty": "2143 watt ~ 80 TH"`, None if it has none."""
    words = str(row.get("pretty", "")).partition("~")[0].replace("watt", "").split()
    try:
        return float(words[0]) if words else None
    except ValueError:
        return None
