"""The alarms that stand, and who is told: what may be asked and done of them."""

from collections.abc import Callable

from attrs import frozen
from msgspec import Struct

from proxy.admin.refused import Refused
from proxy.admin.views import Done
from proxy.alerts.alarm import Alarm, AlertView
from proxy.alerts.delivery import DeliveryError
from proxy.alerts.service import Alerts


class AlarmsView(Struct):
    """What stands, and who is told of it."""

    alarms: list[Alarm]
    alerts: list[AlertView]


@frozen
class AlertOperations:
    """The methods `alarms` and `test_alert`."""

    alerts: Callable[[], Alerts]

    def alarms(self) -> AlarmsView:
        """Return the alarms that stand, the oldest first, and who is told."""
        alerts = self.alerts()
        return AlarmsView(alerts.standing.all, alerts.views)

    async def test_alert(self, name: str) -> Done:
        """Send a message that is a test to one row of `[[alerts]]`."""
        try:
            await self.alerts().test(name)
        except LookupError:
            raise Refused(f"no row of [[alerts]] is called {name!r}") from None
        except DeliveryError as error:
            raise Refused(f"{name}: {error}") from error
        return Done(True, f"{name} took it")
