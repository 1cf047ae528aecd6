"""The server's side of a Stratum V1 conversation, without I/O."""

from collections.abc import Iterator

from attrs import define, field

from protocol.errors import LineTooLongError, RemoteError
from protocol.framing import LineFramer
from protocol.sv1 import rejects
from protocol.sv1.codec import error_line, result_line
from protocol.sv1.messages import (
    Configure,
    OtherRequest,
    Request,
    read_request,
)
from protocol.work.version_rolling import OFFERED_MASK

MAX_LINE_BYTES = 16384
"""The longest line seen from shipped firmware is a few hundred bytes."""

_SILENT = frozenset({"pong", ""})  # ESP-Miner's answer to a ping; answers to ours
_HANGS_UP = frozenset({"mining.term", "login", "getwork"})
_POLITE = {
    "mining.extranonce.subscribe": True,
    "mining.ping": "pong",
}


class NotStratumError(RemoteError):
    """The first byte is not that of a JSON line: HTTP, TLS, or a port scan."""


class HangUpError(RemoteError):
    """The miner asked to be dropped, or speaks another protocol over JSON."""


@define
class ServerSession:
    """What one miner's connection has agreed on, and how its bytes are read.

    Attributes:
        version_mask: Bits that the miner may roll; 0 until it has asked.
        user_agent: As it introduced itself.
        is_subscribed: It knows its extranonce1: notifications may follow.
        takes_extranonce: It can be told another one by mining.set_extranonce.
    """

    version_mask: int = 0
    user_agent: str = ""
    is_subscribed: bool = False
    takes_extranonce: bool = False
    _framer: LineFramer = field(factory=lambda: LineFramer(MAX_LINE_BYTES), init=False)
    _is_new: bool = field(default=True, init=False)

    def receive(self, data: bytes) -> Iterator[Request]:
        """Yield the requests that `data` completes.

        Raises:
            RemoteError: The stream cannot be trusted any more; drop the miner.
        """
        requests = self.receive_each(data)
        return (request for request in requests if request is not None)

    def receive_each(self, data: bytes) -> Iterator[Request | None]:
        """Yield what each line that `data` completes asks for; None if it is empty.

        Raises:
            RemoteError: The stream cannot be trusted any more; drop the miner.
        """
        self._look_at_first(data)
        for line in self._framer.feed(data):
            yield _read(line)

    def read_line(self, line: bytes) -> Request | None:
        """Return what one line asks for that was cut elsewhere; None if it is empty.

        Args:
            line: Without its newline; nothing of it came by `receive`.

        Raises:
            RemoteError: The stream cannot be trusted any more; drop the miner.
        """
        self._look_at_first(line)
        if len(line) > MAX_LINE_BYTES:
            raise LineTooLongError(f"line of {len(line)} B > {MAX_LINE_BYTES} B")
        return _read(line)

    def _look_at_first(self, data: bytes) -> None:
        """Look at the first byte: of HTTP a letter, of TLS 0x16, of V2 random."""
        if self._is_new and data:
            self._is_new = False
            if data[0] not in b"{ \t\r\n":
                raise NotStratumError("first byte is not that of a JSON line")

    def configure(self, request: Configure, offered: int) -> bytes:
        """Return the answer to mining.configure and take on what it agrees to.

        Args:
            request: What the miner asks for.
            offered: Version bits that may be rolled of the job that the miner has; all
                that are ever offered if it has none. What is agreed on is more where a
                later job allows more: mining.set_version_mask tells.
        """
        result: dict[str, object] = {}
        for name in request.extensions:
            if name == "version-rolling":
                # min-bit-count is not looked at: BIP 310 says not to disconnect for too
                # few bits, and some firmware spells it as text.
                self.version_mask = OFFERED_MASK & (request.mask or 0)
                # A mask of no bits at all is a refusal.
                result[name] = self.version_mask != 0
                result["version-rolling.mask"] = f"{self.version_mask & offered:08x}"
            elif name == "minimum-difficulty":
                result[name] = request.minimum_difficulty is not None
            else:
                # BIP 310: what is not known is answered with false, not left out.
                result[name] = name in {"subscribe-extranonce", "info"}
                self.takes_extranonce |= name == "subscribe-extranonce"
        return result_line(request.id, result)

    def subscribed(self, message_id: bytes, slot: bytes, size: int) -> bytes:
        """Return the answer to mining.subscribe; the same each time it is asked."""
        self.is_subscribed = True
        name = slot.hex()
        # nested, and with one pair: some firmware reads the id at [0][0][1]
        return result_line(message_id, [[["mining.notify", name]], name, size])

    def answer_other(self, request: OtherRequest) -> bytes:
        """Return the answer to a method that needs no decision of ours.

        Raises:
            HangUpError: It ends the conversation.
        """
        # login is Monero's, eth_ Ethereum's, and getwork is older than Stratum;
        # mining.term is a goodbye (ckpool).
        if request.method in _HANGS_UP or request.method.startswith("eth_"):
            raise HangUpError(f"{request.method} ends the conversation")
        if request.method in _SILENT:
            return b""
        if request.method in _POLITE:
            self.takes_extranonce |= request.method == "mining.extranonce.subscribe"
            return result_line(request.id, _POLITE[request.method])
        # Methods of old pools: the text is that of ckpool for what it does not offer.
        known = request.method in {"mining.get_transactions", "mining.get_txnhashes"}
        text = "Not supported." if known else "Unknown method"
        return error_line(request.id, rejects.OTHER, text)


def _read(line: bytes) -> Request | None:
    return None if not line or line.isspace() else read_request(line)
