"""A miner's side of one Stratum V1 connection: lines in, lines out, no I/O.

Strict where shipped firmware is: what a server may not do is noted in `breaches`.
"""

from collections import deque
from typing import Any

import msgspec
from attrs import define, field

from protocol.units import Difficulty, Seconds, WorkerName
from proxy.sim.dialect import MinerDialect
from proxy.sim.lines import (
    PoolMessage,
    answer_line,
    pong_line,
    read_difficulty,
    read_extranonce,
    read_hex,
    read_message,
    read_order,
    request_line,
)
from proxy.sim.nonce_search import FoundShare, Search

REQUESTED_MASK = 0x1FFFE000
MAX_BREACHES = 32
MAX_PENDING_SUBMITS = 4096
MAX_QUEUED_DIFFICULTIES = 16

CONFIGURE, SUBSCRIBE, AUTHORIZE = 1, 2, 3


class Counters(msgspec.Struct):
    """What became of the shares; `reasons` by the server's own text."""

    submitted: int = 0
    accepted: int = 0
    rejected: int = 0
    reasons: dict[str, int] = msgspec.field(default_factory=dict)


@define
class MinerSession:
    """One connection's life: handshake, jobs, shares.

    Attributes:
        seed: Where its searches begin; anything.
        counters: Outlives the session: the miner's own.
        search: The job that is hashed now; None: nothing to do.
        is_dead: The server refused us; hang up and try the next pool.
        reconnect: Where client.reconnect sent us: host, port ("" and 0: same).
    """

    dialect: MinerDialect
    worker: WorkerName
    seed: int
    counters: Counters
    search: Search | None = field(default=None, init=False)
    breaches: list[str] = field(factory=list, init=False)
    is_dead: bool = field(default=False, init=False)
    is_authorized: bool = field(default=False, init=False)
    reconnect: tuple[str, int] | None = field(default=None, init=False)
    difficulty: Difficulty = field(default=Difficulty(1.0), init=False)
    mask: int = field(default=0, init=False)
    _is_rolling: bool = field(default=False, init=False)
    _queued: deque[Difficulty] = field(factory=deque, init=False)
    _extranonce: tuple[bytes, int] | None = field(default=None, init=False)
    _next_extranonce: tuple[bytes, int] | None = field(default=None, init=False)
    _recent: deque[str] = field(factory=deque, init=False)
    _waiting: list[int] = field(factory=list, init=False)
    _pending: set[int] = field(factory=set, init=False)
    _next_id: int = field(default=4, init=False)

    def begin(self) -> bytes:
        """Return what is sent as soon as the connection stands."""
        if not self.dialect.pipelines:
            return self._ask(CONFIGURE)
        return b"".join(self._ask(step) for step in (CONFIGURE, SUBSCRIBE, AUTHORIZE))

    def receive(self, line: bytes, now: Seconds) -> bytes:
        """Take in a line of the server and return what to send, perhaps nothing.

        Raises:
            MalformedMessageError: It is no Stratum message.
        """
        message = read_message(line)
        if message.method is None:
            return self._on_answer(message)
        if self._extranonce is None:
            self._breach(f"{message.method} before the subscribe reply")
        return self._on_call(message, now)

    def submit(self, share: FoundShare) -> bytes:
        """Return the mining.submit for `share`."""
        params: list[object] = [
            self.worker,
            share.job_id,
            share.extranonce2.hex(),
            f"{share.ntime:08x}",
            f"{share.nonce:08x}",
        ]
        if self._is_rolling or self.dialect.pipelines:
            params.append(f"{share.version_bits:08x}")
        self._next_id += 1
        if len(self._pending) < MAX_PENDING_SUBMITS:
            self._pending.add(self._next_id)
        self.counters.submitted += 1
        return request_line(self._next_id, "mining.submit", params)

    def _ask(self, step: int) -> bytes:
        self._waiting.append(step)
        if step == CONFIGURE:
            options = {
                "version-rolling.mask": f"{REQUESTED_MASK:08x}",
                "version-rolling.min-bit-count": 2,
            }
            return request_line(
                step, "mining.configure", [["version-rolling"], options]
            )
        if step == SUBSCRIBE:
            return request_line(step, "mining.subscribe", [self.dialect.user_agent])
        return request_line(step, "mining.authorize", [self.worker, "x"])

    def _on_answer(self, message: PoolMessage) -> bytes:
        if message.id in self._pending:
            self._pending.discard(int(message.id or 0))
            self._count(message)
            return b""
        if not self._waiting or message.id != self._waiting[0]:
            self._breach(f"answer to {message.id!r}, not to {self._waiting[:1]}")
            return b""
        return self._on_step(self._waiting.pop(0), message)

    def _on_step(self, step: int, message: PoolMessage) -> bytes:
        if step == CONFIGURE:
            self._on_configured(message.result)
        elif step == SUBSCRIBE:
            self._on_subscribed(message.result)
        else:
            self.is_authorized = message.result is True
            self.is_dead = self.is_dead or not self.is_authorized
        if self.dialect.pipelines or step == AUTHORIZE or self.is_dead:
            return b""
        return self._ask(step + 1)

    def _on_configured(self, result: Any) -> None:
        if not isinstance(result, dict) or result.get("version-rolling") is not True:
            return  # it goes on without rolling versions
        mask = read_hex(result.get("version-rolling.mask"))
        if mask is None or mask & ~REQUESTED_MASK:
            self._breach(f"mask {result.get('version-rolling.mask')!r} not as asked")
            return
        self.mask = mask
        self._is_rolling = True

    def _on_subscribed(self, result: Any) -> None:
        extranonce = read_extranonce(result[1:]) if isinstance(result, list) else None
        if extranonce is None:
            self._breach(f"subscribe result {result!r:.80}")
            self.is_dead = True
            return
        self._extranonce = self._next_extranonce = extranonce

    def _count(self, message: PoolMessage) -> None:
        if message.result is True:
            self.counters.accepted += 1
            return
        self.counters.rejected += 1
        error = message.error
        text = error[1] if isinstance(error, list) and len(error) > 1 else error
        reasons = self.counters.reasons
        reason = str(text)[:64]
        if reason not in reasons and len(reasons) >= MAX_BREACHES:
            reason = "other"
        reasons[reason] = reasons.get(reason, 0) + 1

    def _on_call(self, message: PoolMessage, now: Seconds) -> bytes:
        params = message.params if isinstance(message.params, list) else []
        match message.method:
            case "mining.notify":
                self._on_notify(params, now)
            case "mining.set_difficulty":
                self._on_difficulty(params)
            case "mining.set_extranonce":
                self._on_extranonce(params)
            case "mining.set_version_mask":
                self._on_mask(params)
            case "client.reconnect":
                self._on_reconnect(params)
            case "mining.ping":
                return self._pong(message.id)
            case "client.get_version":
                return answer_line(message.id, self.dialect.user_agent)
            case _:
                pass  # firmware ignores what it does not know
        return b""

    def _on_notify(self, params: list[Any], now: Seconds) -> None:
        if self._queued:
            self.difficulty = self._queued.popleft()
        if self._extranonce is None:
            return
        self._extranonce = self._next_extranonce or self._extranonce
        order = read_order(params, *self._extranonce)
        if order is None:
            self._breach(f"mining.notify {params!r:.80}")
            return
        if order.job_id in self._recent and params[8] is not True:
            self._breach(f"job id {order.job_id} again")
            return
        if self.dialect.remembered_jobs:
            self._recent.append(order.job_id)
            while len(self._recent) > self.dialect.remembered_jobs:
                self._recent.popleft()
        self.search = Search(order, self.mask, self.seed, now)

    def _on_difficulty(self, params: list[Any]) -> None:
        difficulty = read_difficulty(params[0] if params else None)
        if difficulty is None:
            self._breach(f"set_difficulty {params!r:.80}")
        elif self.dialect.immediate_difficulty:
            self.difficulty = difficulty
        elif len(self._queued) < MAX_QUEUED_DIFFICULTIES:
            self._queued.append(difficulty)

    def _on_extranonce(self, params: list[Any]) -> None:
        extranonce = read_extranonce(params)
        if extranonce is None:
            self._breach(f"set_extranonce {params!r:.80}")
            return
        self._next_extranonce = extranonce

    def _on_mask(self, params: list[Any]) -> None:
        mask = read_hex(params[0] if params else None)
        if mask is None:
            self._breach(f"set_version_mask {params!r:.80}")
        elif self.dialect.takes_version_mask:
            self.mask = mask & REQUESTED_MASK
            if self.search is not None:
                self.search.change_mask(self.mask)

    def _on_reconnect(self, params: list[Any]) -> None:
        host = str(params[0]) if params else ""
        port = str(params[1]) if len(params) > 1 else "0"
        if not port.isdecimal() or len(port) > 5:  # noqa: PLR2004
            self._breach(f"client.reconnect {params!r:.80}")
            return
        self.reconnect = (host, int(port))

    def _pong(self, message_id: int | str | None) -> bytes:
        if not self.dialect.pong_as_method:
            return answer_line(message_id, "pong")
        return pong_line(message_id)

    def _breach(self, what: str) -> None:
        if len(self.breaches) < MAX_BREACHES:
            self.breaches.append(what)


def same_domain(ours: str, theirs: str) -> bool:
    """Return whether the hosts are equal from their first dot on, as cgminer asks."""
    return theirs in ("", ours) or (
        "." in ours and ours.partition(".")[2] == theirs.partition(".")[2]
    )
