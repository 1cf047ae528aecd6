"""Sleep and wake of stock Antminers: one setting of a file that is written whole.

`set_miner_conf.cgi` takes the whole configuration. pyasic 0.79 writes one without pools
where the read before it failed (hass-miner 380, 553 have that of another firmware), and
its own freq-level and work mode over the owner's.
Here nothing is written unless what would be overwritten has been read, all that is
written is what was read but for the mode, and waking puts the mode back that was found.
"""

from typing import Any

from proxy.power.ports import DeviceError

NORMAL, SLEEP = "0", "1"
"""`bitmain-work-mode`; 3 is low power. Firmware gives it as text or as a number."""

_WRITTEN_AS = {
    "bitmain-fan-ctrl": "bitmain-fan-ctrl",
    "bitmain-fan-pwm": "bitmain-fan-pwm",
    "bitmain-hashrate-percent": "bitmain-hashrate-percent",
    "bitmain-freq-level": "freq-level",
}
"""What is read under one name is written under another; not all firmware has all."""


class StockModes:
    """The work mode of one stock Antminer."""

    def __init__(self) -> None:
        self._found: str | None = None  # as it worked before it was put to sleep

    async def sleep(self, web: Any) -> bool:
        """Stop it; return whether it acknowledged that.

        Args:
            web: pyasic's web API of the machine.

        Raises:
            DeviceError: Its configuration cannot be read, or it does not answer.
        """
        conf = await _configuration(web)
        mode = str(conf["bitmain-work-mode"])
        if mode != SLEEP:
            self._found = mode
        return await _write(web, conf, SLEEP)

    async def wake(self, web: Any) -> bool:
        """Set it going in the mode that it was found in; return as `sleep` does.

        Raises:
            DeviceError: As `sleep`.
        """
        conf = await _configuration(web)
        mode = str(conf["bitmain-work-mode"])
        if mode != SLEEP:
            return True  # it works, in the mode that its owner chose
        return await _write(web, conf, self._found or NORMAL)


async def _configuration(web: Any) -> dict[str, Any]:
    """Return the configuration of a machine, whole enough to be written back."""
    conf: dict[str, Any] | None = await web.get_miner_conf()
    conf = conf if isinstance(conf, dict) else {}
    pools = conf.get("pools")
    if not isinstance(pools, list) or not str(conf.get("bitmain-work-mode", "")):
        raise DeviceError("Antminer stock: its configuration cannot be read")
    if not any(isinstance(pool, dict) and pool.get("url") for pool in pools):
        raise DeviceError("Antminer stock: its configuration has no pool")
    return conf


async def _write(web: Any, conf: dict[str, Any], mode: str) -> bool:
    body = {new: conf[old] for old, new in _WRITTEN_AS.items() if old in conf}
    body |= {"miner-mode": int(mode), "pools": conf["pools"]}
    reply = await web.set_miner_conf(body)
    if not isinstance(reply, dict) or reply.get("success") is False:
        why = reply.get("message") if isinstance(reply, dict) else reply
        raise DeviceError(f"Antminer stock: no answer to a command: {why!s:.100}")
    return bool(reply.get("stats", "success") == "success")
