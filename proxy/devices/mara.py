"""Sleep and wake of MaraFW: one mode of a configuration that is written whole.

pyasic 0.79 wakes every machine into `Auto`, whatever its owner had chosen.
"""

from typing import Any

from typing_extensions import override

from proxy.devices.work_modes import Conf, WorkModes
from proxy.power.ports import DeviceError

SLEEP, AUTO = "Sleep", "Auto"
_SELECTOR = "work-mode-selector"


class MaraModes(WorkModes):
    """The work mode of one machine on MaraFW."""

    asleep, normal = SLEEP, AUTO

    @override
    async def _read(self, web: Any) -> Conf:
        conf: Any = await web.get_miner_config()
        mode = conf.get("mode") if isinstance(conf, dict) else None
        if not isinstance(mode, dict) or not mode.get(_SELECTOR):
            raise DeviceError("MaraFW: its configuration cannot be read")
        return dict(conf)

    @override
    def _mode_of(self, conf: Conf) -> str:
        return str(conf["mode"][_SELECTOR])

    @override
    async def _write(self, web: Any, conf: Conf, mode: str) -> bool:
        written = conf | {"mode": conf["mode"] | {_SELECTOR: mode}}
        await web.set_miner_config(**written)
        return True
