"""The other end of a Stratum V2 conversation in memory: a miner's, or a pool's."""

from typing import Any

from protocol.sv2.channel_request import ChannelRequest
from protocol.sv2.client import MAX_PAYLOAD_BYTES as MAX_FROM_POOL
from protocol.sv2.client import ClientSession
from protocol.sv2.codec import Message, common, decode, encode, mining
from protocol.sv2.line import ClientLine, ServerLine
from protocol.sv2.server import MAX_PAYLOAD_BYTES, ServerSession
from protocol.sv2.setup import Caller
from protocol.units import HashesPerSecond
from tests.noise_peers import NOW, a_pair, an_identity, an_initiator
from tests.received import received

EASIEST = (1 << 256) - 1
VERSION = 0x20000000


def a_setup(**changes: Any) -> common.SetupConnection:
    fields: dict[str, Any] = {
        "protocol": 0,
        "min_version": 2,
        "max_version": 2,
        "flags": 0,
        "endpoint_host": "proxy",
        "endpoint_port": 3336,
        "vendor": "Bitaxe",
        "hardware_version": "601",
        "firmware": "2.9",
        "device_id": "",
    }
    return common.SetupConnection(**{**fields, **changes})


def an_extended(**changes: Any) -> mining.OpenExtendedMiningChannel:
    fields: dict[str, Any] = {
        "request_id": 1,
        "user_identity": "rig1",
        "nominal_hash_rate": 1e12,
        "max_target": EASIEST,
        "min_extranonce_size": 4,
    }
    return mining.OpenExtendedMiningChannel(**{**fields, **changes})


def a_standard(**changes: Any) -> mining.OpenStandardMiningChannel:
    fields: dict[str, Any] = {
        "request_id": 1,
        "user_identity": "rig1",
        "nominal_hash_rate": 1e12,
        "max_target": EASIEST,
    }
    return mining.OpenStandardMiningChannel(**{**fields, **changes})


class MinerEnd:
    """A miner that says what a test tells it to say."""

    def __init__(self) -> None:
        line = ServerLine(MAX_PAYLOAD_BYTES, an_identity(), a_pair(2))
        self.session = ServerSession(line)
        self.line = ClientLine(MAX_FROM_POOL, an_initiator(), NOW)
        self.events: list[Any] = []
        self.line.start()

    def say(self, *messages: Message) -> list[Any]:
        """Return what the server answers."""
        self.pass_on(self.line.outgoing())
        self.line.send(map(encode, messages))
        self.pass_on(self.line.outgoing())
        return self.hear()

    def pass_on(self, data: bytes) -> None:
        self.events += received(self.session, data)
        if not self.line.is_open:
            list(self.line.receive(self.session.outgoing()))

    def hear(self) -> list[Any]:
        frames = self.line.receive(self.session.outgoing())
        return [decode(frame) for frame in frames]

    def last(self, kind: type[Any]) -> Any:
        return [event for event in self.events if isinstance(event, kind)][-1]


class PoolEnd:
    """A pool that says what a test tells it to say."""

    def __init__(self, **changes: Any) -> None:
        self.line = ServerLine(MAX_PAYLOAD_BYTES, an_identity(), a_pair(2))
        fields: dict[str, Any] = {
            "line": ClientLine(MAX_FROM_POOL, an_initiator(), NOW),
            "caller": Caller("pool.example", 3336, "baseload", "1", "site"),
            "source": "main",
            "session": 7,
            "request": ChannelRequest(HashesPerSecond(1e15), 8),
        }
        self.session = ClientSession(**{**fields, **changes})
        self.heard: list[Any] = []
        self.take(self.session.start())

    def take(self, data: bytes) -> list[Any]:
        """Return what our side says in `data`, and answer the handshake."""
        heard = [decode(frame) for frame in self.line.receive(data)]
        self.heard += heard
        answer = self.line.outgoing()
        return heard + self._pass_on(answer)[1] if answer else heard

    def say(self, *messages: Message) -> list[Any]:
        """Return the events that `messages` lead to; what we answer is heard."""
        self.line.send(map(encode, messages))
        return self._pass_on(self.line.outgoing())[0]

    def _pass_on(self, data: bytes) -> tuple[list[Any], list[Any]]:
        events = list(received(self.session, data))
        return events, self.take(self.session.outgoing())

    def opened(self, **changes: Any) -> list[Any]:
        """Take our side on and open its channel."""
        fields: dict[str, Any] = {
            "request_id": 1,
            "channel_id": 7,
            "target": 1 << 240,
            "extranonce_size": 8,
            "extranonce_prefix": b"\xaa\xbb\xcc\xdd",
            "group_channel_id": 1,
        }
        answer = mining.OpenExtendedMiningChannelSuccess(**{**fields, **changes})
        return self.say(common.SetupConnectionSuccess(2, 0)) + self.say(answer)


def a_job(job_id: int = 1, **changes: Any) -> mining.NewExtendedMiningJob:
    fields: dict[str, Any] = {
        "channel_id": 7,
        "job_id": job_id,
        "min_ntime": None,
        "version": VERSION,
        "version_rolling_allowed": True,
        "merkle_path": (b"\x03" * 32,),
        "coinbase_tx_prefix": b"\x01" * 40,
        "coinbase_tx_suffix": b"\x02" * 60,
    }
    return mining.NewExtendedMiningJob(**{**fields, **changes})


def a_tip(job_id: int = 1, **changes: Any) -> mining.SetNewPrevHash:
    fields: dict[str, Any] = {
        "channel_id": 7,
        "job_id": job_id,
        "prev_hash": bytes(range(32)),
        "min_ntime": 1_700_000_000,
        "nbits": 0x1D00FFFF,
    }
    return mining.SetNewPrevHash(**{**fields, **changes})
