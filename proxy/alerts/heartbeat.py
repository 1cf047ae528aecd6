"""A url that is fetched while all is well: its owner raises the alarm when it is not.

It is the one alarm that works when this machine is dead.
"""

from attrs import define, field
from twisted.internet.defer import CancelledError

from protocol.units import Seconds
from proxy.alerts.delivery import DeliveryError
from proxy.alerts.http import HttpClient


@define(eq=False, repr=False)
class Heartbeat:
    """One `[[alerts]]` row of kind `heartbeat`.

    Attributes:
        reason: Why the last one failed; empty: it did not.
    """

    name: str
    url: str
    every: Seconds
    client: HttpClient
    reason: str = field(default="", init=False)
    _due: Seconds | None = field(default=None, init=False)
    _is_busy: bool = field(default=False, init=False)

    def is_due(self, now: Seconds) -> bool:
        """Tell whether it is time; the next is due `every` seconds later."""
        if self._is_busy or (self._due is not None and now < self._due):
            return False
        self._due = Seconds(now + self.every)
        return True

    async def beat(self) -> None:
        """Fetch the url."""
        self._is_busy = True
        try:
            await self.client.get(self.url)
        except CancelledError:
            raise
        except DeliveryError as error:
            self.reason = str(error)
        except Exception as error:  # noqa: BLE001  (as `Delivery.send`)
            self.reason = repr(error)
        else:
            self.reason = ""
        finally:
            self._is_busy = False
