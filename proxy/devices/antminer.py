"""Sleep and wake of stock Antminers: one setting of a file that is written whole.

`set_miner_conf.cgi` takes the whole configuration. pyasic 0.79 writes one without pools
where the read before it failed (hass-miner 380, 553 have that of another firmware), and
its own freq-level and work mode over the owner's.
Here all that is written is what was read but for the mode.
"""

from typing import Any

from typing_extensions import override

from proxy.devices.work_modes import Conf, WorkModes
from proxy.power.ports import DeviceError

_MODE = "bitmain-work-mode"
NORMAL, SLEEP = "0", "1"
"""Of the mode; 3 is low power. Firmware gives it as text or as a number."""

_WRITTEN_AS = {
    "bitmain-fan-ctrl": "bitmain-fan-ctrl",
    "bitmain-fan-pwm": "bitmain-fan-pwm",
    "bitmain-hashrate-percent": "bitmain-hashrate-percent",
    "bitmain-freq-level": "freq-level",
}
"""What is read under one name is written under another; not all firmware has all."""


class StockModes(WorkModes):
    """The work mode of one stock Antminer."""

    asleep, normal = SLEEP, NORMAL

    @override
    async def _read(self, web: Any) -> Conf:
        conf: Conf | None = await web.get_miner_conf()
        conf = conf if isinstance(conf, dict) else {}
        pools = conf.get("pools")
        if not isinstance(pools, list) or not str(conf.get(_MODE, "")):
            raise DeviceError("Antminer stock: its configuration cannot be read")
        if not any(isinstance(pool, dict) and pool.get("url") for pool in pools):
            raise DeviceError("Antminer stock: its configuration has no pool")
        return conf

    @override
    def _mode_of(self, conf: Conf) -> str:
        return str(conf[_MODE])

    @override
    async def _write(self, web: Any, conf: Conf, mode: str) -> bool:
        body = {new: conf[old] for old, new in _WRITTEN_AS.items() if old in conf}
        body |= {"miner-mode": int(mode), "pools": conf["pools"]}
        reply = await web.set_miner_conf(body)
        if not isinstance(reply, dict) or reply.get("success") is False:
            why = reply.get("message") if isinstance(reply, dict) else reply
            raise DeviceError(f"Antminer stock: no answer to a command: {why!s:.100}")
        return bool(reply.get("stats", "success") == "success")
