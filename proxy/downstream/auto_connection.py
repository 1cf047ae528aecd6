"""A connection whose protocol its first bytes will tell."""

from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from typing_extensions import override

from protocol.dialect import Dialect, tell_dialect
from protocol.units import Seconds
from proxy.downstream.miner_protocol import MinerProtocol

SPEAK_WITHIN = Seconds(15.0)


class Porch(Protocol):
    """Where a connection waits until it is known what it speaks."""

    def admit(self, transport: Any) -> str | None:
        """Return the address of a new connection; None if it is not taken."""

    def arrived(self, connection: MinerProtocol, address: str) -> None:
        """Count it in."""

    def departed(self, connection: MinerProtocol) -> None:
        """Count it out."""

    def note_drop(self, address: str, worker: str | None, why: str) -> None:
        """Log that it is hung up on."""


class AutoConnection(MinerProtocol):
    """Waits for the first bytes, then stands aside.

    While it waits it counts as a connection of its site; then the speaker does.

    Args:
        porch: Who counts it.
        speaker_of: Makes the protocol that takes over.
        clock: Limits the wait.
    """

    def __init__(
        self,
        porch: Porch,
        speaker_of: Callable[[Dialect], MinerProtocol],
        clock: IReactorTime,
    ) -> None:
        self._porch = porch
        self._speaker_of = speaker_of
        self._clock = clock
        self._first = b""
        self._address = ""
        self._speaker: MinerProtocol | None = None
        self._due: IDelayedCall | None = None  # it waits until then

    @override
    def connectionMade(self) -> None:
        address = self._porch.admit(self._transport)
        if address is None:
            return
        self._address = address
        self._porch.arrived(self, address)
        self._due = self._clock.callLater(SPEAK_WITHIN, self._on_time)

    @override
    def dataReceived(self, data: bytes) -> None:
        if self._speaker is not None:
            self._speaker.dataReceived(data)
            return
        self._first += data
        dialect = tell_dialect(self._first)
        if dialect is None or self._due is None:
            return
        self._stop_waiting()
        self._speaker = self._speaker_of(dialect)
        self._speaker.makeConnection(self._transport)
        first, self._first = self._first, b""
        self._speaker.dataReceived(first)

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._stop_waiting()
        if self._speaker is not None:
            self._speaker.connectionLost(reason)

    @override
    def hang_up(self, why: str) -> None:
        if self._speaker is not None:
            self._speaker.hang_up(why)
            return
        self._porch.note_drop(self._address, None, why)
        self._transport.abortConnection()

    def _stop_waiting(self) -> None:
        due, self._due = self._due, None
        if due is None:
            return
        self._porch.departed(self)
        if due.active():
            due.cancel()

    def _on_time(self) -> None:
        self.hang_up(f"nothing said in {SPEAK_WITHIN:g} s")

    @property
    def _transport(self) -> Any:
        return self.transport
