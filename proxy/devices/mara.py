"""Sleep and wake of MaraFW: one mode of a configuration that is written whole.

pyasic 0.79 wakes every machine into `Auto`, whatever its owner had chosen. Here nothing
is written that was not read just before, and waking puts the mode back that was found.
"""

from typing import Any

from proxy.power.ports import DeviceError

SLEEP, AUTO = "Sleep", "Auto"
_SELECTOR = "work-mode-selector"


class MaraModes:
    """The work mode of one machine on MaraFW."""

    def __init__(self) -> None:
        self._found: str | None = None  # as it worked before it was put to sleep

    async def sleep(self, web: Any) -> bool:
        """Stop it; return whether it answered.

        Args:
            web: pyasic's web API of the machine.

        Raises:
            DeviceError: Its configuration cannot be read.
        """
        conf = await _configuration(web)
        if conf["mode"][_SELECTOR] != SLEEP:
            self._found = str(conf["mode"][_SELECTOR])
        return await _write(web, conf, SLEEP)

    async def wake(self, web: Any) -> bool:
        """Set it going in the mode that it was found in; return as `sleep` does.

        Raises:
            DeviceError: As `sleep`.
        """
        conf = await _configuration(web)
        if conf["mode"][_SELECTOR] != SLEEP:
            return True  # it works, in the mode that its owner chose
        return await _write(web, conf, self._found or AUTO)


async def _configuration(web: Any) -> dict[str, Any]:
    conf: Any = await web.get_miner_config()
    mode = conf.get("mode") if isinstance(conf, dict) else None
    if not isinstance(mode, dict) or not mode.get(_SELECTOR):
        raise DeviceError("MaraFW: its configuration cannot be read")
    return dict(conf)


async def _write(web: Any, conf: dict[str, Any], mode: str) -> bool:
    written = conf | {"mode": conf["mode"] | {_SELECTOR: mode}}
    await web.set_miner_config(**written)
    return True
