"""A Stratum V2 connection whose frames the share engine opens, seals and judges."""

from typing import Any

from typing_extensions import override

from protocol.noise.handshake import Ciphers
from protocol.sv2.line import ServerLine
from protocol.sv2.transport import FrameTransport, OpenTransport
from proxy.downstream.connection_host import ConnectionHost
from proxy.downstream.fast.sv2_miner import EngineSv2Miner
from proxy.downstream.fast.tap import EngineTap
from proxy.downstream.fast.transport import WireTransport
from proxy.downstream.site_context import SiteContext
from proxy.downstream.sv2_connection import Sv2Connection
from proxy.downstream.sv2_keys import ServerKeys
from proxy.downstream.sv2_miner import Sv2Miner
from proxy.engine.engine import Channel
from proxy.runtime.tap import Tap


class NativeSv2Connection(Sv2Connection):
    """Does the handshake; from then on it hears what is no share of a miner at work."""

    def __init__(
        self,
        host: ConnectionHost,
        context: SiteContext,
        keys: ServerKeys,
        carrier: WireTransport,
    ) -> None:
        self._wire = carrier.outbox
        super().__init__(host, context, keys)

    @override
    def _open_ways(self) -> None:
        self._outbox = self._wire  # it keeps what is unsent, for as many as it carries

    @override
    def dataReceived(self, data: bytes) -> None:
        """Take it at once: the engine hands up a frame of each miner in its turn."""
        for _ in self.read(data):
            pass
        self.flush()

    @override
    def tap(self) -> Tap | None:
        return EngineTap.begin(self._wire)

    @override
    def _line_of(self, keys: ServerKeys) -> ServerLine:
        return keys.line(self._hand_over)

    @override
    def _make_miner(self, **fields: Any) -> Sv2Miner:
        return EngineSv2Miner(**fields, copies=Channel(self._wire))

    def _hand_over(self, ciphers: Ciphers, max_payload_bytes: int) -> FrameTransport:
        """Let the engine seal and open what follows the handshake."""
        self._wire.write(self._session.outgoing())
        self._wire.encrypt(ciphers.incoming.hand_over(), ciphers.outgoing.hand_over())
        return OpenTransport(max_payload_bytes)
