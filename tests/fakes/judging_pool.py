"""A pool that judges every share from first principles, and can fail in many ways.

Run alone: python -m tests.fakes.judging_pool PORT DIFFICULTY
"""

import hashlib
import json
import struct
import sys
from collections import Counter
from collections.abc import Callable
from itertools import count
from typing import Any

from twisted.internet.protocol import Factory, Protocol
from typing_extensions import override

NTIME = 1_700_000_000
D1 = 0xFFFF << 208
INPUT = bytes.fromhex("0200000001" + "00" * 32 + "ffffffff")
OUTPUT = bytes.fromhex("ffffffff0100f2052a01000000160014" + "07" * 20 + "00000000")
"""A coinbase around its script: some peers look whether it is one."""


def sha256d(data: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


class PoolSide(Protocol):
    """The pool's end of one connection."""

    factory: "JudgingPool"

    @override
    def connectionMade(self) -> None:
        pool = self.factory
        self._rest = b""
        self.mask = 0
        self.subscribed = False
        self.extranonce1 = pool.new_extranonce1()
        pool.sides.append(self)
        if pool.is_down:
            self.transport.abortConnection()  # type: ignore[union-attr]
        else:
            pool.connects += 1

    @override
    def connectionLost(self, reason: Any = None) -> None:
        self.factory.sides.remove(self)

    @override
    def dataReceived(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._on_request(json.loads(line))

    def send(self, **message: Any) -> None:
        if self.factory.is_mute:
            return
        self.transport.write(json.dumps(message).encode() + b"\n")  # type: ignore[union-attr]

    def notify(self) -> None:
        self.send(id=None, method="mining.notify", params=self.factory.job_params())

    def _on_request(self, request: dict[str, Any]) -> None:
        pool, number = self.factory, request["id"]
        match request["method"]:
            case "mining.configure":
                self.mask = pool.mask
                mask = {
                    "version-rolling": True,
                    "version-rolling.mask": f"{pool.mask:08x}",
                }
                self.send(id=number, result=mask, error=None)
            case "mining.subscribe":
                answer = [[["mining.notify", "a"]], self.extranonce1.hex(), pool.size]
                self.send(id=number, result=answer, error=None)
                self.subscribed = True
                self.send(
                    id=None, method="mining.set_difficulty", params=[pool.difficulty]
                )
                self.notify()
            case "mining.authorize":
                self.send(id=number, result=not pool.refuses_users, error=None)
            case "mining.submit":
                why = pool.judge(self, request["params"])
                error = [20, why, None] if why else None
                self.send(id=number, result=not why, error=error)


class JudgingPool(Factory):
    """Counts what it accepts and what it does not.

    Attributes:
        accepted: Good shares.
        rejected: The others, by reason.
    """

    protocol = PoolSide  # type: ignore[assignment]
    noisy = False

    def __init__(self, difficulty: float = 1e-6, size: int = 8) -> None:
        self.difficulty, self.size, self.mask = difficulty, size, 0x1FFFE000
        self.sides: list[PoolSide] = []
        self.connects = 0
        self.accepted = 0
        self.rejected: Counter[str] = Counter()
        self.hashes: set[bytes] = set()
        self.refuses_users = self.is_mute = self.is_down = False
        self._numbers = count(1)
        self._prev = sha256d(b"first")
        self._jobs: dict[str, tuple[bytes, bytes, bytes]] = {}
        self._job = ""
        self._add_job()

    def new_extranonce1(self) -> bytes:
        return struct.pack(">I", next(self._numbers))

    def job_params(self) -> list[Any]:
        prev, coinb1, coinb2 = self._jobs[self._job]
        words = b"".join(prev[i : i + 4][::-1] for i in range(0, 32, 4))
        return [self._job, words.hex(), coinb1.hex(), coinb2.hex(), [], "20000000",
                "1703a30c", f"{NTIME:08x}", self._clean]  # fmt: skip

    def new_block(self) -> None:
        self._prev = sha256d(self._prev)
        self._jobs.clear()
        self._add_job(clean=True)
        self.tell(lambda side: side.notify())

    def new_job(self) -> None:
        self._add_job(clean=False)
        self.tell(lambda side: side.notify())

    def set_extranonce(self) -> None:
        def change(side: PoolSide) -> None:
            side.extranonce1 = self.new_extranonce1()
            params = [side.extranonce1.hex(), self.size]
            side.send(id=None, method="mining.set_extranonce", params=params)

        self.tell(change)
        self.new_block()

    def tell(self, say: Callable[[PoolSide], None]) -> None:
        for side in list(self.sides):
            if side.subscribed:
                say(side)

    def close(self) -> None:
        for side in list(self.sides):
            side.transport.loseConnection()  # type: ignore[union-attr]

    def reset(self) -> None:
        for side in list(self.sides):
            side.transport.abortConnection()  # type: ignore[union-attr]

    def garbage(self) -> None:
        self.tell(lambda side: side.transport.write(b'{"id":[\x00\xff\n'))  # type: ignore[union-attr]

    def judge(self, side: PoolSide, params: list[Any]) -> str:
        why = self._fault(side, params)
        if why:
            self.rejected[why] += 1
        else:
            self.accepted += 1
        return why

    def _fault(self, side: PoolSide, params: list[Any]) -> str:
        _, job_id, extranonce2, ntime, nonce, *rolled = params
        job = self._jobs.get(job_id)
        if job is None:
            return "stale"
        if len(extranonce2) != 2 * self.size:
            return "extranonce2 size"
        bits = int(rolled[0], 16) if rolled else 0
        if bits & ~side.mask:
            return "version bits"
        prev, coinb1, coinb2 = job
        coinbase = coinb1 + side.extranonce1 + bytes.fromhex(extranonce2) + coinb2
        version = 0x20000000 & ~side.mask | bits
        header = struct.pack("<I", version) + prev + sha256d(coinbase)
        header += struct.pack("<III", int(ntime, 16), 0x1703A30C, int(nonce, 16))
        digest = sha256d(header)
        if digest in self.hashes:
            return "duplicate"
        if int.from_bytes(digest, "little") > D1 / self.difficulty:
            return "low difficulty"
        self.hashes.add(digest)
        return ""

    def _add_job(self, *, clean: bool = True) -> None:
        number = next(self._numbers)
        self._job, self._clean = f"{number:x}", clean
        push = b"\x04" + struct.pack(">I", number)
        script_size = len(push) + len(self.new_extranonce1()) + self.size
        coinb1 = INPUT + bytes([script_size]) + push
        self._jobs[self._job] = self._prev, coinb1, OUTPUT


def main() -> None:
    from twisted.internet import reactor  # noqa: PLC0415, TID251

    pool: Any = JudgingPool(float(sys.argv[2]))
    reactor.listenTCP(int(sys.argv[1]), pool, interface="127.0.0.1")
    reactor.run()


if __name__ == "__main__":
    main()
