"""The judging pool behind Stratum V2: the same judgement of the same headers."""

from typing import Any

from twisted.internet.protocol import Protocol
from typing_extensions import override

from protocol.errors import RemoteError
from protocol.sv2.codec import Message, common, decode, encode, mining
from protocol.sv2.line import ServerLine
from protocol.sv2.tlv import worker_of
from tests.fakes.judging_pool import D1, NTIME, JudgingPool
from tests.noise_peers import a_pair, an_authority, an_identity

KEY = an_authority().key
VERSION = 0x20000000
NBITS = 0x1703A30C
GROUP = 77


class Sv2PoolSide(Protocol):
    """The pool's end of one connection."""

    factory: "JudgingSv2Pool"

    @override
    def connectionMade(self) -> None:
        pool = self.factory
        pool.sides.append(self)  # type: ignore[arg-type]
        self.subscribed = False
        self.mask = 0x1FFFFFE0
        self.extranonce1 = pool.new_extranonce1()
        self.line = ServerLine(1 << 20, pool.identity, a_pair(2 + len(pool.sides)))
        self._prev = b""
        if pool.is_down:
            self.transport.abortConnection()  # type: ignore[union-attr]
        else:
            pool.connects += 1

    @override
    def connectionLost(self, reason: Any = None) -> None:
        self.factory.sides.remove(self)  # type: ignore[arg-type]

    @override
    def dataReceived(self, data: bytes) -> None:
        last, count = 0, 0
        try:
            for frame in self.line.receive(data):
                message = decode(frame)
                if isinstance(message, mining.SubmitSharesExtended):
                    if self._judge(message):
                        last, count = message.sequence_number, count + 1
                elif message is not None:
                    self._on_message(message)
        except RemoteError:
            self.transport.abortConnection()  # type: ignore[union-attr]
        if count:
            self.say(mining.SubmitSharesSuccess(1, last, count, count))
        self._flush()

    def say(self, *messages: Message) -> None:
        self.line.send(map(encode, messages))
        self._flush()

    def notify(self) -> None:
        """Send the pool's job: to the group, as pools do."""
        pool = self.factory
        prev, coinb1, coinb2 = pool.current
        number = int(pool.job_id, 16)
        is_new = prev != self._prev
        job = mining.NewExtendedMiningJob(
            GROUP, number, None if is_new else NTIME, VERSION, True, (), coinb1, coinb2
        )
        self.say(job)
        if is_new:
            self._prev = prev
            self.say(mining.SetNewPrevHash(GROUP, number, prev, NTIME, NBITS))

    def change_prefix(self, prefix: bytes) -> None:
        self.extranonce1 = prefix
        self.say(mining.SetExtranoncePrefix(1, prefix))

    def _on_message(self, message: Message) -> None:
        pool = self.factory
        match message:
            case common.SetupConnection():
                self.say(common.SetupConnectionSuccess(2, 0))
            case common.RequestExtensions(request_id=number):
                self.say(common.RequestExtensionsSuccess(number, (2,)))
            case mining.OpenExtendedMiningChannel(request_id=number):
                self._open(number, message.min_extranonce_size)
            case mining.UpdateChannel(nominal_hash_rate=rate):
                pool.hashrates.append(rate)

    def _open(self, number: int, wanted: int) -> None:
        pool = self.factory
        if pool.refuses_users:
            self.say(mining.OpenMiningChannelError(number, "unknown-user"))
            return
        if wanted > pool.size:
            code = "min-extranonce-size-too-large"
            self.say(mining.OpenMiningChannelError(number, code))
            return
        self.subscribed = True
        self.say(
            mining.OpenExtendedMiningChannelSuccess(
                number, 1, pool.target, pool.size, self.extranonce1, GROUP
            )
        )
        self.notify()

    def _judge(self, share: mining.SubmitSharesExtended) -> bool:
        pool = self.factory
        pool.workers.add(worker_of(share.trailing))
        why = pool.judge(
            self,  # type: ignore[arg-type]
            [
                "",
                f"{share.job_id:x}",
                share.extranonce.hex(),
                f"{share.ntime:08x}",
                f"{share.nonce:08x}",
                f"{share.version ^ VERSION:08x}",
            ],
        )
        if why:
            code = f"{why.replace(' ', '-')}-share"
            self.say(mining.SubmitSharesError(1, share.sequence_number, code))
        return not why

    def _flush(self) -> None:
        data = self.line.outgoing()
        if data and not self.factory.is_mute:
            self.transport.write(data)  # type: ignore[union-attr]


class JudgingSv2Pool(JudgingPool):
    """Counts what it accepts and what it does not.

    Attributes:
        workers: Names that came with shares.
        hashrates: As it was told by UpdateChannel.
    """

    protocol = Sv2PoolSide  # type: ignore[assignment]

    def __init__(self, difficulty: float = 1e-6, size: int = 8) -> None:
        super().__init__(difficulty, size)
        self.identity = an_identity()
        self.workers: set[str | None] = set()
        self.hashrates: list[float] = []

    @property
    def job_id(self) -> str:
        return self._job

    @property
    def current(self) -> tuple[bytes, bytes, bytes]:
        return self._jobs[self._job]

    @property
    def target(self) -> int:
        return min(int(D1 / self.difficulty), (1 << 256) - 1)

    @override
    def set_extranonce(self) -> None:
        for side in list(self.sides):
            assert isinstance(side, Sv2PoolSide)
            if side.subscribed:
                side.change_prefix(self.new_extranonce1())
        self.new_block()

    @override
    def garbage(self) -> None:
        self.tell(lambda side: side.transport.write(bytes(64)))  # type: ignore[union-attr]

    def send_elsewhere(self, port: int) -> None:
        for side in list(self.sides):
            assert isinstance(side, Sv2PoolSide)
            side.say(common.Reconnect("127.0.0.1", port))
