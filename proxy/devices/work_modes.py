"""Sleep and wake by one setting among others of a configuration that is written whole.

Nothing is written unless what would be overwritten has been read, and waking puts the
mode back that was found. The firmwares differ in how their configuration is read and
written: `antminer`, `mara`.
"""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

Conf = dict[str, Any]


class WorkModes(ABC):
    """The work mode of one machine.

    Attributes:
        asleep: The mode in which it sleeps.
        normal: The one that it is woken into if none was found.
    """

    asleep: ClassVar[str]
    normal: ClassVar[str]

    def __init__(self) -> None:
        self._found: str | None = None  # as it worked before it was put to sleep

    async def sleep(self, web: Any) -> bool:
        """Stop it; return whether it acknowledged that.

        Args:
            web: pyasic's web API of the machine.

        Raises:
            DeviceError: Its configuration cannot be read, or it does not answer.
        """
        conf = await self._read(web)
        mode = self._mode_of(conf)
        if mode != self.asleep:
            self._found = mode
        return await self._write(web, conf, self.asleep)

    async def wake(self, web: Any) -> bool:
        """Set it going in the mode that it was found in; return as `sleep` does.

        Raises:
            DeviceError: As `sleep`.
        """
        conf = await self._read(web)
        if self._mode_of(conf) != self.asleep:
            return True  # it works, in the mode that its owner chose
        return await self._write(web, conf, self._found or self.normal)

    @abstractmethod
    async def _read(self, web: Any) -> Conf:
        """Return its configuration, whole enough to be written back."""

    @abstractmethod
    def _mode_of(self, conf: Conf) -> str:
        """Return the mode in a configuration."""

    @abstractmethod
    async def _write(self, web: Any, conf: Conf, mode: str) -> bool:
        """Write all that was read but for the mode; return whether it was taken."""
