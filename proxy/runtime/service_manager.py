"""Tell systemd how the process is; see sd_notify(3) and sd_watchdog_enabled(3)."""

import socket
from collections.abc import MutableMapping
from contextlib import suppress

from twisted.internet.interfaces import IReactorTime

from protocol.units import Seconds
from proxy.runtime.periodic import PeriodicService

READY = "READY=1"
STOPPING = "STOPPING=1"
_ALIVE = "WATCHDOG=1"


class Notifier:
    """Sends states to the service manager; where there is none, nowhere.

    Attributes:
        watchdog: How long the manager waits for a sign of life; None: for ever.

    Args:
        address: Of the manager's datagram socket; "@" begins an abstract one.
    """

    def __init__(self, address: str = "", watchdog: Seconds | None = None) -> None:
        self.watchdog = watchdog
        # An abstract socket's name begins with a zero byte (unix(7)).
        self._address = "\0" + address[1:] if address.startswith("@") else address

    def tell(self, *states: str) -> None:
        """Send `states`, each `NAME=value`; one that cannot be sent now is lost."""
        if not self._address:
            return
        message = "\n".join(states).encode()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ours:
            # The manager's queue may be full: a sign of life must not stop life.
            ours.setblocking(False)
            with suppress(OSError):  # the manager is gone, or has its hands full
                ours.sendto(message, self._address)

    def signs_of_life(self, clock: IReactorTime) -> PeriodicService | None:
        """Return a service that gives one twice in the time of the watchdog."""
        if self.watchdog is None:
            return None

        async def give() -> None:
            self.tell(_ALIVE)

        # Half the time, as sd_watchdog_enabled(3) recommends.
        return PeriodicService(Seconds(self.watchdog / 2), give, clock)


def notifier_from(environment: MutableMapping[str, str], pid: int) -> Notifier:
    """Return who is to be told, by what systemd put in `environment`.

    Args:
        environment: What is for us is taken out, so that no child speaks for us.
        pid: Of this process: a watchdog may be meant for another.
    """
    address = environment.pop("NOTIFY_SOCKET", "")
    after_us = environment.pop("WATCHDOG_USEC", "")
    meant_for = environment.pop("WATCHDOG_PID", "") or str(pid)
    if not after_us.isdecimal() or meant_for != str(pid):
        return Notifier(address)
    return Notifier(address, Seconds(int(after_us) / 1e6))
