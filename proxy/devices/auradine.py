"""Limits of Auradines: a mode of their own, instead of the one that the owner chose.

A limit puts a machine into the mode `custom`. Its owner may have chosen `normal`, `eco`
or `turbo`: that is put back when it is allowed what it drew in it.
"""

from typing import Any

from attrs import frozen

from protocol.units import Watts
from proxy.power.ports import DeviceError

CUSTOM = "custom"
FULL = 0.97
"""From this part of the found watts on a limit does not limit; as in read-backs."""


@frozen
class _Found:
    """The mode that a machine was found in, and what it draws in it."""

    mode: str
    watts: float


class PowerModes:
    """The power mode of one Auradine."""

    def __init__(self) -> None:
        self._found: _Found | None = None

    async def limit(self, web: Any, watts: Watts) -> bool:
        """Limit it; return whether it acknowledged that.

        Args:
            web: pyasic's web API of the machine.
            watts: The limit.

        Raises:
            DeviceError: The mode that would be left cannot be read.
        """
        from pyasic.errors import APIError  # noqa: PLC0415

        now = await _mode(web)
        if now.mode != CUSTOM:
            self._found = now
        found = self._found
        try:
            if found is not None and watts >= FULL * found.watts:
                if now.mode != found.mode:
                    await web.set_mode(mode=found.mode)
            else:
                await web.set_mode(mode=CUSTOM, tune="power", power=round(watts))
        except APIError:
            return False
        return True


async def _mode(web: Any) -> _Found:
    try:
        mode = (await web.get_mode())["Mode"][0]
        return _Found(str(mode["Mode"]).lower(), float(mode["Power"]))
    except (LookupError, TypeError, ValueError) as error:
        raise DeviceError("Auradine: its mode cannot be read") from error
