"""What is asked of the log for others: the `log.*` methods."""

from collections.abc import Callable

from msgspec import Raw

from proxy.admin.power import ask_controller
from proxy.supervisor.child_link import ControllerLink


class LogOperations:
    """What may be asked of who publishes it; None: no site has power settings."""

    def __init__(self, link: Callable[[], ControllerLink | None]) -> None:
        self._link = link

    async def status(self) -> Raw:
        """Return how far the log is signed and cosigned, and what is wrong with it."""
        return await ask_controller(self._link(), "log.status")

    async def new_generation(self) -> Raw:
        """Begin the log anew, under the origin that the configuration has now."""
        return await ask_controller(self._link(), "log.new_generation")
