"""The client's side of a Stratum V1 conversation, without I/O."""

from collections.abc import Callable, Iterable, Iterator

from attrs import define, field

from protocol.framing import LineFramer
from protocol.sv1 import pool_messages
from protocol.sv1.pool_answers import SubscriptionRefusedError, is_yes, verdict_of
from protocol.sv1.pool_lines import PoolLine, read_id, read_line
from protocol.sv1.pool_refusals import is_nothing, read_refusal, words_of
from protocol.sv1.pool_requests import (
    UNKNOWN_METHOD,
    configure_params,
    reply_line,
    request_line,
    submit_line,
    text_reply,
)
from protocol.sv1.pool_work import PoolWork
from protocol.sv1.suggestion import Suggestion
from protocol.units import HashesPerSecond, Seconds
from protocol.work.pool_events import (
    AuthorizationRefused,
    Authorized,
    MessageShown,
    PoolEvent,
    ReconnectAsked,
)
from protocol.work.version_rolling import OFFERED_MASK

MAX_LINE_BYTES = 1 << 20
"""A notify with a large coinbase and a full branch is some 20 kB."""

MAX_U32 = 0xFFFFFFFF


@define
class ClientSession:
    """What one connection to a pool has agreed on, and how its bytes are read.

    It asks to configure, subscribe and authorise one after the other, since some
    pools take no request before they answered the one before. Answers are told
    apart by id: they, and notifications, may come in any order.

    Attributes:
        source: Name of the pool, for the work.
        session: Number of this connection, unique in the process, for the work.
        user: The account to authorise as.
        requested_mask: Version bits that we would roll.
        work: What the pool's jobs are held to.
        is_authorized: The pool takes our user's shares.
    """

    source: str
    session: int
    user: str
    password: str = field(repr=False)
    user_agent: str
    requested_mask: int = OFFERED_MASK
    work: PoolWork = field(init=False)
    is_authorized: bool = field(default=False, init=False)
    _framer: LineFramer = field(factory=lambda: LineFramer(MAX_LINE_BYTES), init=False)
    _out: list[bytes] = field(factory=list, init=False)
    _last_id: int = field(default=0, init=False)
    _awaited: dict[int, Callable[[PoolLine], Iterator[PoolEvent]]] = field(
        factory=dict, init=False
    )
    _configure_id: int = field(default=0, init=False)
    _first_submit_id: int = field(default=MAX_U32, init=False)
    _suggestion: Suggestion = field(factory=Suggestion, init=False)

    def __attrs_post_init__(self) -> None:
        self.work = PoolWork(self.source, self.session, self.requested_mask)

    def start(self) -> bytes:
        """Return the first bytes to send: the request to configure (BIP 310)."""
        # Before all else: BIP 310 wants it to be the first message of a connection.
        self._configure_id = self._ask(
            "mining.configure", configure_params(self.requested_mask), self._configured
        )
        return self.outgoing()

    def skip_configure(self) -> bytes:
        """Return what to send once the answer to `start` has been waited for enough.

        Empty if it has come. A later answer is still taken on.
        """
        if self._configure_id:
            self._subscribe()
        return self.outgoing()

    def tell_size(self, hashrate: HashesPerSecond, now: Seconds) -> bytes:
        """Return what tells the pool how much our miners hash; empty if it may wait.

        A pool that begins a hall at difficulty 42 would call down millions of shares
        a second. Its answer, if it gives one, is of no consequence.
        """
        if self.is_authorized:
            wanted = self._suggestion.due(hashrate, self.work.difficulty, now)
            if wanted is not None:
                number = int(wanted) if wanted >= 1 else wanted
                self._say("mining.suggest_difficulty", [number])
        return self.outgoing()

    def outgoing(self) -> bytes:
        """Return what is to be sent and forget it; call after each event."""
        data = b"".join(self._out)
        self._out.clear()
        return data

    def receive_each(self, data: bytes) -> Iterator[Iterable[PoolEvent]]:
        """Yield what each line that `data` completes comes to: often nothing.

        Raises:
            RemoteError: The stream cannot be trusted any more; drop the connection.
        """
        for line in self._framer.feed(data):
            is_empty = not line or line.isspace()
            yield () if is_empty else self._on_line(read_line(line))

    def submit(  # noqa: PLR0913, PLR0917  (as many as the protocol has)
        self,
        worker_user: str,
        source_job: str,
        extranonce2: bytes,
        ntime: int,
        nonce: int,
        version_bits: int | None,
    ) -> tuple[int, bytes]:
        """Return the id of a new submit and its line.

        Args:
            worker_user: Whom the pool shall credit.
            source_job: The pool's own name of the job.
            extranonce2: All that follows the pool's extranonce1.
            ntime: Unix seconds.
            nonce: As in the header.
            version_bits: The header's whole version, or its rolled bits: what is
                outside the mask is not sent. None if nothing was rolled.
        """
        self._last_id += 1
        rolled = None
        # BIP 310 wants the sixth parameter in every submit once a mask was agreed on.
        # The bits in the mask alone: ckpool ORs them into the job's version and
        # public-pool XORs them.
        mask = self.work.version_mask
        if mask and version_bits is not None:
            rolled = version_bits & mask
        line = submit_line(
            self._last_id, worker_user, source_job, extranonce2, ntime, nonce, rolled
        )
        return self._last_id, line

    def _on_line(self, line: PoolLine) -> Iterable[PoolEvent]:
        if line.method is not None:
            return self._on_method(line.method, line)
        answered = read_id(line.id)
        if answered is None:
            return ()
        if (take := self._awaited.pop(answered, None)) is not None:
            return take(line)
        # The ids of suggestions are in this range, too: SentShares knows no share by
        # them and passes their answers over.
        if self._first_submit_id <= answered <= self._last_id:
            return (verdict_of(answered, line),)
        return ()

    def _on_method(self, method: str, line: PoolLine) -> Iterable[PoolEvent]:
        match method:
            case "mining.notify":
                return self.work.notify(pool_messages.read_notify(line.params))
            # For the jobs that come after it, as cgminer takes it: running ones keep
            # theirs.
            case "mining.set_difficulty":
                self.work.difficulty = pool_messages.read_difficulty(line.params)
            # In force from the next notify on, even one with a known job id (NiceHash).
            case "mining.set_extranonce":
                extranonce = pool_messages.read_extranonce(line.params)
                self.work.next_extranonce = extranonce
            # In force at once, in running jobs too (BIP 310).
            case "mining.set_version_mask" | "mining.set_version":  # the latter: SRI
                return self.work.allow(pool_messages.read_mask(line.params))
            case "client.reconnect":
                asked = pool_messages.read_reconnect(line.params)
                return (ReconnectAsked(asked.host, asked.port, asked.wait),)
            case "client.show_message":
                self._out.append(reply_line(line, b"true"))
                return (MessageShown(words_of(line.params)),)
            case "mining.ping":
                self._out.append(reply_line(line, b'"pong"'))
            case "client.get_version":
                self._out.append(text_reply(line, self.user_agent))
            case "pong":
                pass  # ESP-Miner's spelling of an answer
            case _:
                self._out.append(reply_line(line, b"null", UNKNOWN_METHOD))
        return ()

    def _configured(self, line: PoolLine) -> Iterator[PoolEvent]:
        # A pool that knows no mining.configure answers with an error: the mask stays 0.
        if is_nothing(line.error):
            mask = pool_messages.read_configured(line.result, self.requested_mask)
            yield from self.work.allow(mask)
        # 0 once the answer was not waited for any more: it must not subscribe twice.
        if self._configure_id:
            self._subscribe()

    def _subscribe(self) -> None:
        self._configure_id = 0
        self._ask("mining.subscribe", [self.user_agent], self._subscribed)

    def _subscribed(self, line: PoolLine) -> Iterator[PoolEvent]:
        if not is_nothing(line.error):  # old pools know no parameters
            self._ask("mining.subscribe", [], self._subscribed_at_last)
            return
        yield from self._subscribed_at_last(line)

    def _subscribed_at_last(self, line: PoolLine) -> Iterator[PoolEvent]:
        if not is_nothing(line.error):
            text = read_refusal(line.error, line.reject_reason).text
            raise SubscriptionRefusedError(f"subscription refused: {text}")
        extranonce = pool_messages.read_subscription(line.result)
        self._ask("mining.authorize", [self.user, self.password], self._authorized)
        self._first_submit_id = self._last_id + 1
        yield from self.work.subscribe(extranonce)

    def _authorized(self, line: PoolLine) -> Iterator[PoolEvent]:
        self.is_authorized = is_yes(line)
        if self.is_authorized:
            self._say("mining.extranonce.subscribe", [])  # a refusal is fine
            yield Authorized()
        else:
            yield AuthorizationRefused(
                read_refusal(line.error, line.reject_reason).text
            )

    def _ask(
        self,
        method: str,
        params: list[object],
        take: Callable[[PoolLine], Iterator[PoolEvent]],
    ) -> int:
        number = self._say(method, params)
        self._awaited[number] = take
        return number

    def _say(self, method: str, params: list[object]) -> int:
        """Ask for what needs no answer, and return its id."""
        self._last_id += 1
        self._out.append(request_line(self._last_id, method, params))
        return self._last_id
