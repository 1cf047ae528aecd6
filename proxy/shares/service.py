"""The ledger as a service: what is due each second, and its end."""

from twisted.application.service import Service
from twisted.internet.interfaces import IReactorTime
from typing_extensions import override

from protocol.units import Seconds
from proxy.runtime.ordered_services import OrderedServices
from proxy.runtime.periodic import PeriodicService
from proxy.shares.ledger import SqliteLedger


class LedgerService(OrderedServices):
    """Keeps the ledger's promises in time and closes it after all who write to it."""

    def __init__(self, ledger: SqliteLedger, clock: IReactorTime) -> None:
        super().__init__()
        # OrderedServices stops the last one first: the upkeep has ended when the file
        # closes.
        closing: Service = _Closing(ledger)
        closing.setServiceParent(self)
        upkeep: Service = PeriodicService(Seconds(1.0), self._look_after, clock)
        upkeep.setServiceParent(self)
        self._ledger = ledger

    async def _look_after(self) -> None:
        self._ledger.look_at_file()
        self._ledger.flush()
        self._ledger.roll_up()


class _Closing(Service):
    """Closes the ledger when it stops."""

    def __init__(self, ledger: SqliteLedger) -> None:
        self._ledger = ledger

    @override
    def stopService(self) -> None:
        super().stopService()
        self._ledger.close()
