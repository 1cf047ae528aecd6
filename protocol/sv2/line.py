"""One end of an encrypted connection: bytes in and frames out, and the reverse."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator

from attrs import define, field
from typing_extensions import override

from protocol.errors import LocalError
from protocol.noise.certificate import Certificate
from protocol.noise.ellswift import KeyPair
from protocol.noise.handshake import (
    FIRST_BYTES,
    SECOND_BYTES,
    Ciphers,
    Identity,
    Initiator,
    respond,
)
from protocol.sv2.frame import Frame
from protocol.sv2.tapped import NoteFrame, TappedTransport
from protocol.sv2.transport import FrameTransport, Transport
from protocol.units import UnixTime

NewTransport = Callable[[Ciphers, int], FrameTransport]
"""Makes what frames pass through, from the ciphers and the longest payload."""


@define(eq=False, repr=False)
class Line(ABC):
    """What both ends have.

    Attributes:
        max_payload_bytes: Longest payload that is taken from the peer.
    """

    max_payload_bytes: int
    _transport: FrameTransport | None = field(default=None, init=False)
    _pending: bytes = field(default=b"", init=False)
    _out: list[bytes] = field(factory=list, init=False, repr=False)

    @property
    def is_open(self) -> bool:
        """The handshake is done: frames can be sent."""
        return self._transport is not None

    def receive(self, data: bytes) -> Iterator[Frame]:
        """Yield the frames that `data` completes; an answer may wait in `outgoing`.

        Raises:
            RemoteError: The peer cannot be trusted; drop it.
        """
        transport = self._transport
        if transport is None:
            # Bounded by what one read brings: as soon as there is enough it is taken
            # out.
            self._pending += data
            if len(self._pending) < self._awaited:
                return
            # A server may send its first frames with its part of the handshake: they
            # are the rest.
            said, data = self._pending[: self._awaited], self._pending[self._awaited :]
            self._pending = b""
            transport = self._new_transport(self._shake(said))
            self._transport = transport
        yield from transport.receive(data)

    def send(self, frames: Iterable[bytes]) -> None:
        """Seal `frames`, in order; they wait in `outgoing`.

        Raises:
            LocalError: The handshake is not done.
        """
        transport = self._transport
        if transport is None:
            raise LocalError("no frame can be sent before the handshake is done")
        self._out.extend(map(transport.seal, frames))

    def outgoing(self) -> bytes:
        """Return what is to be sent and forget it."""
        data = b"".join(self._out)
        self._out.clear()
        return data

    def tap(self, note: NoteFrame | None) -> None:
        """Show `note` each frame from here on, once frames are sent; None: end it."""
        transport = self._transport
        if isinstance(transport, TappedTransport):
            transport = transport.inner
        if transport is not None and note is not None:
            transport = TappedTransport(transport, note)
        self._transport = transport

    def _new_transport(self, ciphers: Ciphers) -> FrameTransport:
        return Transport(ciphers, self.max_payload_bytes)

    @property
    @abstractmethod
    def _awaited(self) -> int:
        """Bytes of the peer's part of the handshake."""

    @abstractmethod
    def _shake(self, said: bytes) -> Ciphers:
        """Take in the peer's part of the handshake."""


@define(eq=False, repr=False)
class ServerLine(Line):
    """The server's end.

    Attributes:
        new_transport: Takes over once the handshake is done; our part of it waits in
            `outgoing` then.
    """

    _identity: Identity
    _ephemeral: KeyPair
    new_transport: NewTransport = Transport

    @property
    @override
    def _awaited(self) -> int:
        return FIRST_BYTES

    @override
    def _shake(self, said: bytes) -> Ciphers:
        answer, ciphers = respond(said, self._identity, self._ephemeral)
        self._out.append(answer)
        return ciphers

    @override
    def _new_transport(self, ciphers: Ciphers) -> FrameTransport:
        return self.new_transport(ciphers, self.max_payload_bytes)


@define(eq=False, repr=False)
class ClientLine(Line):
    """The client's end.

    Attributes:
        now: When it was dialled: what certificates are held against.
    """

    _initiator: Initiator
    now: UnixTime

    def start(self) -> None:
        """Begin the handshake; what to send waits in `outgoing`."""
        self._out.append(self._initiator.start())

    @property
    def certificate(self) -> Certificate | None:
        """What the server showed; None until it has."""
        return self._initiator.certificate

    @property
    @override
    def _awaited(self) -> int:
        return SECOND_BYTES

    @override
    def _shake(self, said: bytes) -> Ciphers:
        return self._initiator.finish(said, self.now)
