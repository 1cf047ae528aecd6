"""A Stratum V1 connection that Twisted holds: bytes in and out, one miner."""

from typing import Any
from typing import Protocol as Port

from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from typing_extensions import override

from protocol.errors import RemoteError
from proxy.downstream.miner import Miner
from proxy.downstream.miner_protocol import MinerProtocol
from proxy.downstream.site_context import SiteContext
from proxy.downstream.sv1_miner import Sv1Miner
from proxy.runtime.outbox import Outbox


class Host(Port):
    """Where the miner of a connection is kept."""

    def admit(self, transport: Any) -> str | None:
        """Return the address of a new connection; None if it is not taken."""

    def welcome(
        self, connection: "MinerConnection", address: str, outbox: Outbox
    ) -> Sv1Miner:
        """Return the miner behind a new connection."""

    def farewell(self, miner: Miner) -> None:
        """Take back what a miner held."""

    def offended(self, address: str, error: RemoteError) -> None:
        """Note why a connection from `address` is dropped."""

    def note_drop(self, address: str, worker: str | None, why: str) -> None:
        """Log that a miner is hung up on."""

    def note_slow(self, miner: Miner) -> None:
        """Note that a connection was closed because its peer does not read."""


class MinerConnection(MinerProtocol):
    """Moves bytes between a socket and a `Miner`."""

    def __init__(self, hall: Host, miner_id: int, floor: SiteContext) -> None:
        self._hall = hall
        self.miner_id = miner_id
        self.floor = floor
        self.miner: Sv1Miner | None = None

    @override
    def connectionMade(self) -> None:
        address = self._hall.admit(self._transport)
        if address is not None:
            self.miner = self._hall.welcome(self, address, Outbox(self._transport))

    @override
    def dataReceived(self, data: bytes) -> None:
        miner = self.miner
        if miner is None:
            return
        try:
            miner.receive(data)
        except RemoteError as error:
            self._hall.offended(miner.address, error)
            self.hang_up(str(error))

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        miner, self.miner = self.miner, None
        if miner is not None:
            miner.outbox.close()
            if miner.outbox.fell_behind:
                self._hall.note_slow(miner)
            self._hall.farewell(miner)

    def dismiss(self, _miner: Miner, why: str) -> None:
        """Hang up on the one miner of the connection."""
        self.hang_up(why)

    @override
    def hang_up(self, why: str) -> None:
        miner = self.miner
        if miner is not None:
            self._hall.note_drop(miner.address, next(iter(miner.workers), None), why)
            miner.outbox.close()
        self._transport.abortConnection()

    @property
    def _transport(self) -> Any:
        return self.transport
