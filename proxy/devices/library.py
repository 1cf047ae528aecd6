"""pyasic, loaded when it is first needed, and kept from the log of everybody else."""

import logging
import warnings
from pathlib import Path
from typing import Any, Protocol

from typing_extensions import override

from proxy.power.ports import SLOWEST_ANSWER


class Factory(Protocol):
    """What finds out what a device is."""

    async def get_miner(self, ip: str) -> Any | None:
        """Return a pyasic machine, None if nothing answers there."""


def load_factory() -> Factory:
    """Return pyasic's factory of machines.

    Takes a second or so the first time: it is asked for at the start, not at a trip.

    Raises:
        ImportError: The extra `controller` is not installed.
    """
    import pyasic  # noqa: PLC0415
    from pyasic.miners.factory import MinerFactory  # noqa: PLC0415

    mute(Path(pyasic.__file__).parent)
    # What it warns of, a token that it does not get, is an alarm of ours, once.
    warnings.filterwarnings("ignore", module=r"pyasic\.")
    pyasic.settings.update(
        "api_function_timeout", round(SLOWEST_ANSWER)
    )  # ours is less
    factory: Factory = MinerFactory()
    return factory


def mute(package: Path) -> None:
    """Keep what `package` logs to the root logger off the root's handlers.

    pyasic warns there of every command that fails; ours to say, and once.
    """
    for handler in logging.getLogger().handlers:
        if not any(isinstance(f, _Elsewhere) for f in handler.filters):
            handler.addFilter(_Elsewhere(package))


class _Elsewhere(logging.Filter):
    """Lets through what does not come from a package."""

    def __init__(self, package: Path) -> None:
        super().__init__()
        self._inside = f"{package}/"

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        return not record.pathname.startswith(self._inside)
