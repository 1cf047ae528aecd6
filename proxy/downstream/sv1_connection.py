"""A Stratum V1 connection that Twisted holds: bytes in and out, one miner."""

from collections.abc import Iterator
from typing import Any

from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from typing_extensions import override

from protocol.errors import RemoteError
from proxy.downstream.connection_host import ConnectionHost
from proxy.downstream.miner import Miner
from proxy.downstream.miner_protocol import MinerProtocol
from proxy.downstream.site_context import SiteContext
from proxy.downstream.sv1_miner import Sv1Miner
from proxy.runtime.inflow import Inflow
from proxy.runtime.outbox import Outbox
from proxy.runtime.tap import MemoryTap, Tap


class MinerConnection(MinerProtocol):
    """Moves bytes between a socket and a `Miner`."""

    def __init__(
        self, host: ConnectionHost, miner_id: int, context: SiteContext
    ) -> None:
        self._host = host
        self.miner_id = miner_id
        self.context = context
        self.miner: Sv1Miner | None = None
        self._inflow: Inflow | None = None
        self._outbox: Outbox | None = None
        self._tap: MemoryTap | None = None

    @override
    def connectionMade(self) -> None:
        address = self._host.admit(self._transport)
        if address is not None:
            self._outbox = Outbox(self._transport)
            self.miner = self._host.accept(self, address, self._outbox)
            self._inflow = Inflow(self.context.turns, self, self._transport)

    @override
    def dataReceived(self, data: bytes) -> None:
        if self._tap is not None:
            self._tap.note(False, data)
        if self._inflow is not None:
            self._inflow.receive(data)

    def read(self, data: bytes) -> Iterator[None]:
        """Take the lines that `data` completes, one with each step."""
        miner = self.miner
        if miner is None:
            return
        try:
            yield from miner.receive_each(data)
        except RemoteError as error:
            self._host.offended(miner.address, error)
            self.hang_up(str(error))

    def flush(self) -> None:
        """Do nothing: answers are sent as they are made."""

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._host.tls_failures.note(self._transport, reason)
        inflow, self._inflow = self._inflow, None
        if inflow is not None:
            inflow.end()
        miner, self.miner = self.miner, None
        if miner is not None:
            miner.outbox.close()
            if miner.outbox.fell_behind:
                self._host.note_slow(miner)
            self._host.unregister(miner)

    def tap(self) -> Tap | None:
        """Return a recording of it; None: there is one already."""
        if self._tap is not None or self._outbox is None:
            return None
        self._tap = MemoryTap(self.context.wall_clock, self._untap)
        self._outbox.note = self._tap.ours
        return self._tap

    def _untap(self) -> None:
        self._tap = None
        if self._outbox is not None:
            self._outbox.note = None

    def dismiss(self, _miner: Miner, why: str) -> None:
        """Hang up on the one miner of the connection."""
        self.hang_up(why)

    @override
    def hang_up(self, why: str) -> None:
        miner = self.miner
        if miner is not None:
            self._host.note_drop(miner.address, next(iter(miner.workers), None), why)
            miner.outbox.close()
        if self._inflow is not None:
            self._inflow.forget()
        self._transport.abortConnection()

    @property
    def _transport(self) -> Any:
        return self.transport
