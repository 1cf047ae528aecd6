"""What a connection asks of the site that it came to."""

from typing import Any, Protocol

from protocol.errors import RemoteError
from proxy.downstream.miner import Miner
from proxy.downstream.miner_protocol import MinerProtocol
from proxy.downstream.sv1_miner import Sv1Miner
from proxy.downstream.tls_failures import TlsFailures
from proxy.runtime.outbox import Outbox
from proxy.runtime.tap import Tap


class Closable(Protocol):
    """A connection, as its site commands it."""

    def dismiss(self, miner: Miner, why: str, /) -> None:
        """Hang up on one of its miners, and on all if it cannot do less."""

    def hang_up(self, why: str) -> None:
        """Close it for a reason of ours."""

    def tap(self) -> Tap | None:
        """Return a recording of it; None: there is one already, or it is gone."""


class ConnectionHost(Protocol):
    """Counts the connections of a site, and keeps the miners behind them.

    Attributes:
        tls_failures: Hears how connections end.
    """

    tls_failures: TlsFailures

    def admit(self, transport: Any) -> str | None:
        """Return the address of a new connection; None if it is not taken."""

    def accept(self, connection: Any, address: str, outbox: Outbox) -> Sv1Miner:
        """Return the miner behind a new connection of Stratum V1."""

    def arrived(self, connection: MinerProtocol, address: str) -> None:
        """Count in a connection that may be without miners."""

    def departed(self, connection: MinerProtocol) -> None:
        """Count it out."""

    def refusal(self, address: str, connection: MinerProtocol | None = None) -> str:
        """Return why no miner from `address` is taken; empty if one is."""

    def new_id(self) -> int:
        """Return a number that no miner had."""

    def register(self, miner: Miner, connection: Closable) -> None:
        """Take in a miner of a connection."""

    def unregister(self, miner: Miner) -> None:
        """Take back what a miner held."""

    def offended(self, address: str, error: RemoteError) -> None:
        """Note why a connection from `address` is dropped."""

    def note_drop(self, address: str, worker: str | None, why: str) -> None:
        """Log that it is hung up on."""

    def note_slow(self, miner: Miner) -> None:
        """Note that a connection was closed because its peer does not read."""
