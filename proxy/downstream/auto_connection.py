"""A connection whose protocol its first bytes will tell."""

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from typing_extensions import override

from protocol.dialect import Dialect, tell_dialect
from protocol.units import Seconds
from proxy.downstream.speaker import Speaker

SPEAK_WITHIN = Seconds(15.0)


class AutoConnection(Speaker):
    """Waits for the first bytes, then stands aside.

    Args:
        admit: Returns None for a transport that it has hung up on.
        speaker_of: Makes the protocol that takes over.
        clock: Limits the wait.
    """

    _log = Logger()

    def __init__(
        self,
        admit: Callable[[object], str | None],
        speaker_of: Callable[[Dialect], Speaker],
        clock: IReactorTime,
    ) -> None:
        self._admit = admit
        self._speaker_of = speaker_of
        self._clock = clock
        self._first = b""
        self._speaker: Speaker | None = None
        self._due: IDelayedCall | None = None

    @override
    def connectionMade(self) -> None:
        if self._admit(self._transport) is not None:
            self._due = self._clock.callLater(SPEAK_WITHIN, self._on_time)

    @override
    def dataReceived(self, data: bytes) -> None:
        if self._speaker is not None:
            self._speaker.dataReceived(data)
            return
        self._first += data
        dialect = tell_dialect(self._first)
        if dialect is None:
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
        self._log.info("dropping {peer}: {why}", peer=self._peer, why=why)
        self._transport.abortConnection()

    def _stop_waiting(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _on_time(self) -> None:
        self._due = None
        self.hang_up(f"nothing said in {SPEAK_WITHIN:g} s")

    @property
    def _peer(self) -> str:
        return str(getattr(self._transport.getPeer(), "host", "local"))

    @property
    def _transport(self) -> Any:
        return self.transport
