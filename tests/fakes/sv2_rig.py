"""A Stratum V2 miner that really hashes, and is strict about what it is told."""

import hashlib
import struct
from collections.abc import Iterator
from itertools import count
from typing import Any

from attrs import define, field
from twisted.internet.protocol import ClientFactory, Protocol
from twisted.internet.task import LoopingCall
from typing_extensions import override

from protocol.errors import RemoteError
from protocol.noise.authority import AuthorityKey
from protocol.noise.handshake import Initiator
from protocol.sv2.codec import Message, common, decode, encode, mining
from protocol.sv2.line import ClientLine
from protocol.units import UnixTime
from tests.fakes.judging_pool import NTIME, sha256d
from tests.noise_peers import a_pair

EASIEST = (1 << 256) - 1
TRIES = 60  # hashes a beat
BEAT = 0.01


@define
class Channel:
    """One channel, as a miner sees it."""

    user: str
    is_standard: bool
    id: int = 0
    prefix: bytes = b""
    size: int = 0
    target: int = 0
    futures: dict[int, Any] = field(factory=dict)
    job: Any = None
    tip: Any = None
    job_target: int = 0
    ntime: int = 0
    nonces: Any = field(factory=count)
    sent: dict[int, int] = field(factory=dict)
    accepted: int = 0
    refused: list[str] = field(factory=list)
    jobs: int = 0
    tips: int = 0

    def hash_on(self, tries: int) -> Iterator[tuple[int, int, bytes]]:
        """Yield nonce, version and extranonce of each share that `tries` find."""
        job, tip = self.job, self.tip
        number = next(self.nonces)
        extranonce = (number & 0xFFFF).to_bytes(4, "big").rjust(self.size, b"\0")
        extranonce = extranonce[-self.size :] if self.size else b""
        version = job.version
        if self.is_standard or job.version_rolling_allowed:
            version ^= (number & 0xFF) << 13
        head = struct.pack("<I", version) + tip.prev_hash + self._root(extranonce)
        for nonce in range(number * tries, (number + 1) * tries):
            tail = struct.pack("<III", self.ntime, tip.nbits, nonce & 0xFFFFFFFF)
            digest = sha256d(head + tail)
            if int.from_bytes(digest, "little") <= self.job_target:
                yield nonce & 0xFFFFFFFF, version, extranonce

    def _root(self, extranonce: bytes) -> bytes:
        job = self.job
        if self.is_standard:
            return bytes(job.merkle_root)
        coinbase = b"".join(
            (job.coinbase_tx_prefix, self.prefix, extranonce, job.coinbase_tx_suffix)
        )
        root = sha256d(coinbase)
        for sibling in job.merkle_path:
            root = hashlib.sha256(hashlib.sha256(root + sibling).digest()).digest()
        return root


class Sv2Rig(Protocol):
    """A connection with a channel for each of its machines."""

    def __init__(self, factory: "Sv2Rigs", number: int) -> None:
        self.rigs = factory
        self.number = number
        self.channels = [
            Channel(f"v2.{number}-{i}", kind == "standard")
            for i, kind in enumerate(factory.kinds)
        ]
        self.by_id: dict[int, Channel] = {}
        self._beat = LoopingCall(self._hash)
        self._beat.clock = factory.reactor

    @override
    def connectionMade(self) -> None:
        rigs = self.rigs
        rigs.connects += 1
        initiator = Initiator(a_pair(self.number % 200 + 1), rigs.key)
        self.line = ClientLine(1 << 20, initiator, rigs.now)
        self.line.start()
        self._flush()
        self._greeted = False

    @override
    def dataReceived(self, data: bytes) -> None:
        try:
            for frame in self.line.receive(data):
                message = decode(frame)
                if message is not None:
                    self._on_message(message)
        except RemoteError as error:
            self.rigs.breaches.append(str(error))
            self.transport.abortConnection()  # type: ignore[union-attr]
        if self.line.is_open and not self._greeted:
            self._greeted = True
            self.say(common.SetupConnection(0, 2, 2, 0, "h", 1, "rig", "1", "2", "3"))

    @override
    def connectionLost(self, reason: Any = None) -> None:
        if self._beat.running:
            self._beat.stop()
        if not self.rigs.is_stopping:
            self.rigs.breaches.append("connection lost")

    def say(self, *messages: Message) -> None:
        self.line.send(map(encode, messages))
        self._flush()

    def _flush(self) -> None:
        data = self.line.outgoing()
        if data:
            self.transport.write(data)  # type: ignore[union-attr]

    def _on_message(self, message: Any) -> None:
        match message:
            case common.SetupConnectionSuccess():
                self._open()
            case (
                mining.OpenExtendedMiningChannelSuccess()
                | mining.OpenStandardMiningChannelSuccess()
            ):
                self._opened(message)
            case common.Reconnect():
                self.rigs.breaches.append("asked to reconnect")
            case mining.SubmitSharesSuccess() | mining.SubmitSharesError():
                self._answered(self.by_id[message.channel_id], message)
            case _ if getattr(message, "channel_id", None) in self.by_id:
                self._on_channel(self.by_id[message.channel_id], message)
            case _:
                self.rigs.breaches.append(f"unexpected {message}")

    def _open(self) -> None:
        for number, channel in enumerate(self.channels):
            if channel.is_standard:
                self.say(
                    mining.OpenStandardMiningChannel(number, channel.user, 0.0, EASIEST)
                )
            else:
                self.say(
                    mining.OpenExtendedMiningChannel(
                        number, channel.user, 0.0, EASIEST, self.rigs.min_size
                    )
                )

    def _opened(self, message: Any) -> None:
        channel = self.channels[message.request_id]
        channel.id, channel.target = message.channel_id, message.target
        channel.prefix = message.extranonce_prefix
        channel.size = getattr(message, "extranonce_size", 0)
        self.by_id[channel.id] = channel
        if not self._beat.running:
            self._beating = self._beat.start(self.rigs.beat, now=False)

    def _on_channel(self, channel: Channel, message: Any) -> None:
        match message:
            case mining.NewExtendedMiningJob() | mining.NewMiningJob():
                channel.jobs += 1
                if message.min_ntime is None:
                    channel.futures[message.job_id] = message
                elif channel.tip is None:
                    self.rigs.breaches.append("a job without a block")
                else:
                    self._start(channel, message, message.min_ntime)
            case mining.SetNewPrevHash(prev_hash=prev, job_id=number):
                if channel.tip is not None and channel.tip.prev_hash == prev:
                    self.rigs.breaches.append("the same block twice")
                channel.tips += 1
                channel.tip = message
                future = channel.futures.pop(number, None)
                channel.futures.clear()
                if future is None:
                    self.rigs.breaches.append("a block without its job")
                else:
                    self._start(channel, future, message.min_ntime)
            case mining.SetTarget(maximum_target=target):
                channel.target = target
            case _:
                self.rigs.breaches.append(f"unexpected {message}")

    def _start(self, channel: Channel, job: Any, ntime: int) -> None:
        channel.job, channel.ntime = job, ntime
        channel.job_target = channel.target

    def _answered(self, channel: Channel, message: Any) -> None:
        if isinstance(message, mining.SubmitSharesError):
            channel.refused.append(message.error_code)
            channel.sent.pop(message.sequence_number)
            return
        done = [n for n in channel.sent if n <= message.last_sequence_number]
        for number in done:
            del channel.sent[number]
        if len(done) != message.new_submits_accepted_count:
            self.rigs.breaches.append("a count that is not the number of shares")
        channel.accepted += len(done)

    def _hash(self) -> None:
        for channel in self.by_id.values():
            if channel.job is None:
                continue
            for found in channel.hash_on(self.rigs.tries):
                self._submit(channel, *found)

    def _submit(
        self, channel: Channel, nonce: int, version: int, extranonce: bytes
    ) -> None:
        self.rigs.sequence += 1
        number = self.rigs.sequence
        channel.sent[number] = 1
        fields = (
            channel.id, number, channel.job.job_id, nonce, channel.ntime, version
        )  # fmt: skip
        if channel.is_standard:
            self.say(mining.SubmitSharesStandard(*fields))
        else:
            self.say(mining.SubmitSharesExtended(*fields, extranonce))


class Sv2Rigs(ClientFactory):
    """Rigs of one hall.

    Attributes:
        kinds: `standard` or `extended`, a channel for each, on every connection.
        breaches: What was not as the protocol wants it.
        now: What certificates are held against.
        beat: Seconds between two turns of hashing, of `tries` hashes each.
    """

    noisy = False
    beat = BEAT
    tries = TRIES

    def __init__(
        self, reactor: Any, key: AuthorityKey, kinds: tuple[str, ...], min_size: int = 4
    ) -> None:
        self.reactor, self.key, self.kinds, self.min_size = (
            reactor, key, kinds, min_size
        )  # fmt: skip
        self.now = UnixTime(float(NTIME))
        self.rigs: list[Sv2Rig] = []
        self.breaches: list[str] = []
        self.connects = 0
        self.sequence = 0
        self.is_stopping = False

    @override
    def buildProtocol(self, addr: Any) -> Sv2Rig:
        rig = Sv2Rig(self, len(self.rigs) + 1)
        self.rigs.append(rig)
        return rig

    def connect(self, port: int, number: int) -> None:
        for _ in range(number):
            self.reactor.connectTCP("127.0.0.1", port, self)

    def stop(self) -> None:
        self.is_stopping = True
        for rig in self.rigs:
            rig.transport.abortConnection()  # type: ignore[union-attr]

    @property
    def channels(self) -> list[Channel]:
        return [c for rig in self.rigs for c in rig.channels]

    @property
    def accepted(self) -> int:
        return sum(channel.accepted for channel in self.channels)

    @property
    def refused(self) -> list[str]:
        return [code for channel in self.channels for code in channel.refused]
