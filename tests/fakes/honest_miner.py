"""Miners of either version that really hash, and count what they are told."""

import hashlib
import json
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

from attrs import define
from typing_extensions import override

from protocol.noise.authority import AuthorityKey
from protocol.noise.handshake import Initiator
from protocol.sv2.codec import Message, common, decode, encode, mining
from protocol.sv2.line import ClientLine
from protocol.units import UnixTime
from tests.fakes.hostile_lines import Line
from tests.fakes.hostile_pool import EASY
from tests.fakes.judging_pool import D1, NTIME
from tests.fakes.sv2_ends import EASIEST, a_setup, an_extended
from tests.noise_peers import a_pair

STALE = "stale"
_SV1_CODES = {21: STALE, 22: "duplicate", 23: "low difficulty"}
_SV2_CODES = {"stale-share": STALE, "invalid-job-id": STALE}


@define(eq=False)
class MinersJob:
    """What a miner was given.

    Attributes:
        head: The header up to ntime.
        target: A hash not above it is a share.
        ntime: As the job has it.
        at: When it came.
    """

    id: Any
    head: bytes
    nbits: int
    target: float
    ntime: int
    at: float


class HonestMiner:
    """Hashes what it is given from nonce 0 on, as an ASIC does.

    Attributes:
        rolls: Its ntime follows the clock while it hashes a job, as firmware does.
        accepted: Shares that were.
        rejected: The others, by reason.
        doubled: Shares sent twice that were accepted twice.
        reconnects: How often it was asked to connect anew.
        unread: Shares whose answers it did not wait for.
        job: What it hashes now.
        previous: What it hashed before.
    """

    def __init__(
        self, dial: Callable[[], Line], now: Callable[[], float], *, rolls: bool
    ) -> None:
        self._dial, self._now, self.rolls = dial, now, rolls
        self.accepted, self.rejected = 0, Counter[str]()
        self.doubled = self.reconnects = self.unread = 0
        self.previous: MinersJob | None = None
        self._late_nonce = 1 << 24
        self._ids = count(10)
        self.connect()

    def connect(self) -> None:
        """Begin to talk."""
        self.line = self._dial()
        self.job: MinersJob | None = None
        self.previous = None
        self._nonce = 0
        self._waiting: set[int] = set()
        self._again: set[int] = set()
        self._last: tuple[Any, ...] = ()
        self.greet()

    @property
    def job_id(self) -> str:
        """The job that it hashes, as V1 spells it; empty if it has none."""
        job_id = self.job.id if self.job else ""
        return f"{job_id:x}" if isinstance(job_id, int) else job_id

    @property
    def is_dropped(self) -> bool:
        """The site has hung up on it."""
        return self.line.is_dropped

    def leave(self) -> None:
        """Hang up; what is on its way to it is never read."""
        self.look()
        self.unread += len(self._waiting)
        self.line.hang_up()

    def reconnect(self) -> None:
        """Connect anew, as it was asked to."""
        self.reconnects += 1
        self.unread += len(self._waiting)
        self.line.hang_up()
        self.connect()

    def look(self) -> None:
        """Read what has come."""
        self.hear(self.line.received())

    def greet(self) -> None:
        """Say who it is."""
        raise NotImplementedError

    def hear(self, data: bytes) -> None:
        """Take in what the site says."""
        raise NotImplementedError

    def send_share(self, number: int, share: tuple[Any, ...]) -> None:
        """Send a job's id, ntime and nonce as share `number`."""
        raise NotImplementedError

    def begin(self, job: MinersJob) -> None:
        """Hash `job` from now on."""
        self.previous, self.job, self._nonce = self.job, job, 0

    def hash_for(self, tries: int) -> None:
        """Hash so many nonces; submit what meets the difficulty."""
        job = self.job
        if job is None:
            return
        rolled = int(self._now() - job.at) * self.rolls
        self._search(job, range(self._nonce, self._nonce + tries), rolled)
        self._nonce += tries

    def hash_late(self, tries: int) -> None:
        """Do so for the job before, as a machine that is slow to change."""
        if self.previous is not None:
            first = self._late_nonce
            self._search(self.previous, range(first, first + tries), 0)
            self._late_nonce += tries

    def stutter(self) -> None:
        """Send the last share once more, as some firmware does."""
        if self._last:
            number = next(self._ids)
            self._again.add(number)
            self.send_share(number, self._last)

    def _search(self, job: MinersJob, nonces: range, rolled: int) -> None:
        ntime = job.ntime + rolled
        head = job.head + struct.pack("<II", ntime, job.nbits)
        for nonce in nonces:
            digest = sha256d(head + struct.pack("<I", nonce))
            if int.from_bytes(digest, "little") <= job.target:
                number = next(self._ids)
                self._waiting.add(number)
                self._last = job.id, ntime, nonce
                self.send_share(number, self._last)

    def take_accepted(self, number: int) -> None:
        """Note that share `number` was accepted."""
        if number in self._again:
            self.doubled += 1
        elif number in self._waiting:
            self._waiting.remove(number)
            self.accepted += 1

    def take_refused(self, number: int, why: str) -> None:
        """Note that it was not."""
        if number in self._waiting:
            self._waiting.remove(number)
            self.rejected[why] += 1
        self._again.discard(number)

    @property
    def waiting(self) -> Iterator[int]:
        """Shares that are not answered."""
        return iter(self._waiting | self._again)


class HonestSv1Miner(HonestMiner):
    """One that speaks Stratum V1."""

    @override
    def greet(self) -> None:
        self._difficulty = self._hardest = 0.0
        self._extranonce1, self._size = "", 0
        self._rest = b""
        self._say(2, "mining.subscribe", "honest/1")
        self._say(3, "mining.authorize", "rig1", "x")

    @override
    def hear(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        line = self.line
        for text in lines:
            self._on_message(json.loads(text))
            if self.line is not line:
                return  # it has connected anew

    def _on_message(self, message: dict[str, Any]) -> None:
        params = message.get("params") or []
        match message.get("method"):
            case "mining.notify":
                self._on_notify(params)
            case "mining.set_difficulty":
                self._difficulty = params[0]
                self._raise(params[0])
            case "client.reconnect":
                self.reconnect()
            case None if message["id"] == 2:
                _, self._extranonce1, self._size = message["result"]
            case None if message["result"] is True:
                self.take_accepted(message["id"])
            case None:
                code = message["error"][0]
                self.take_refused(message["id"], _SV1_CODES.get(code, str(code)))

    def _raise(self, difficulty: float) -> None:
        """Meet what is asked for, and what was asked for as the job came."""
        if self.job is not None:
            self.job.target = min(self.job.target, D1 / max(difficulty, EASY))

    def _on_notify(self, params: list[Any]) -> None:
        job_id, prev, coinb1, coinb2, _, version, nbits, ntime, _ = params
        extranonce = self._extranonce1 + "00" * self._size
        words = bytes.fromhex(prev)
        prev_hash = b"".join(words[i : i + 4][::-1] for i in range(0, 32, 4))
        root = sha256d(bytes.fromhex(coinb1 + extranonce + coinb2))
        head = struct.pack("<I", int(version, 16)) + prev_hash + root
        target = D1 / max(self._difficulty, EASY)
        self.begin(
            MinersJob(job_id, head, int(nbits, 16), target, int(ntime, 16), self._now())
        )

    @override
    def send_share(self, number: int, share: tuple[Any, ...]) -> None:
        job_id, ntime, nonce = share
        extranonce2 = "00" * self._size
        params = ("rig1", job_id, extranonce2, f"{ntime:08x}", f"{nonce:08x}")
        self._say(number, "mining.submit", *params)

    def _say(self, number: int, method: str, *params: Any) -> None:
        message = {"id": number, "method": method, "params": list(params)}
        self.line.send(json.dumps(message).encode() + b"\n")


class HonestSv2Miner(HonestMiner):
    """One that speaks Stratum V2, over an extended channel."""

    def __init__(self, key: AuthorityKey, *args: Any, **more: Any) -> None:
        self._key = key
        super().__init__(*args, **more)

    @override
    def greet(self) -> None:
        self._noise = ClientLine(
            1 << 20, Initiator(a_pair(1), self._key), UnixTime(float(NTIME))
        )
        self._noise.start()
        self._channel, self._target = 0, EASIEST
        self._prefix, self._size = b"", 0
        self._futures: dict[int, mining.NewExtendedMiningJob] = {}
        self._tip: mining.SetNewPrevHash | None = None
        self.line.send(self._noise.outgoing())
        self.look()
        self._say(a_setup())
        self._say(an_extended(nominal_hash_rate=0.0, min_extranonce_size=2))

    @override
    def hear(self, data: bytes) -> None:
        line = self.line
        for frame in self._noise.receive(data):
            self._on_message(decode(frame))
            if self.line is not line:
                return  # it has connected anew

    def _on_message(self, message: Message | None) -> None:
        match message:
            case mining.OpenExtendedMiningChannelSuccess():
                self._channel, self._target = message.channel_id, message.target
                self._prefix = message.extranonce_prefix
                self._size = message.extranonce_size
            case mining.NewExtendedMiningJob(min_ntime=None):
                self._futures[message.job_id] = message
            case mining.NewExtendedMiningJob(min_ntime=ntime):
                self._start(message, ntime or 0)
            case mining.SetNewPrevHash():
                self._tip = message
                self._start(self._futures[message.job_id], message.min_ntime)
                self._futures.clear()
            case mining.SetTarget(maximum_target=target):
                self._target = target
                if self.job is not None:
                    self.job.target = min(self.job.target, target)
            case mining.SubmitSharesSuccess() | mining.SubmitSharesError():
                self._on_answer(message)
            case common.Reconnect() | mining.CloseChannel():
                self.reconnect()

    def _start(self, job: mining.NewExtendedMiningJob, ntime: int) -> None:
        tip = self._tip
        if tip is None:
            raise AssertionError("a job without a block")
        extranonce = self._prefix + bytes(self._size)
        coinbase = job.coinbase_tx_prefix + extranonce + job.coinbase_tx_suffix
        self._version = job.version
        head = struct.pack("<I", job.version) + tip.prev_hash + sha256d(coinbase)
        self.begin(
            MinersJob(job.job_id, head, tip.nbits, self._target, ntime, self._now())
        )

    def _on_answer(
        self, answer: mining.SubmitSharesSuccess | mining.SubmitSharesError
    ) -> None:
        if isinstance(answer, mining.SubmitSharesError):
            code = answer.error_code
            self.take_refused(answer.sequence_number, _SV2_CODES.get(code, code))
            return
        for number in sorted(self.waiting):
            if number <= answer.last_sequence_number:
                self.take_accepted(number)

    @override
    def send_share(self, number: int, share: tuple[Any, ...]) -> None:
        job_id, ntime, nonce = share
        self._say(
            mining.SubmitSharesExtended(
                self._channel,
                number,
                job_id,
                nonce,
                ntime,
                self._version,
                bytes(self._size),
            )
        )

    def _say(self, message: Message) -> None:
        self._noise.send((encode(message),))
        self.line.send(self._noise.outgoing())


def sha256d(data: bytes) -> bytes:
    """Return SHA-256 twice."""
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()
