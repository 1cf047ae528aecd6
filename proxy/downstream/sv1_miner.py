"""A miner that speaks Stratum V1: one connection, any number of workers."""

from collections.abc import Iterator
from contextlib import suppress

from attrs import define, field
from typing_extensions import override

from protocol.dialect import Dialect
from protocol.errors import RemoteError
from protocol.sv1 import rejects
from protocol.sv1.codec import (
    difficulty_line,
    error_line,
    extranonce_line,
    notification,
    result_line,
    verdict_line,
    version_mask_line,
)
from protocol.sv1.messages import (
    Authorize,
    Configure,
    Request,
    Submit,
    Subscribe,
    SuggestDifficulty,
)
from protocol.sv1.server import ServerSession
from protocol.units import Seconds, WorkerName
from protocol.work.job import Job
from protocol.work.share import JudgedShare, Submission, Verdict
from protocol.work.version_rolling import OFFERED_MASK
from proxy.downstream.miner import Miner
from proxy.downstream.miner_state import SiteFullError
from proxy.downstream.password import read_password
from proxy.downstream.proxies import MOST_EXTRANONCE2
from proxy.downstream.worker_refusals import why_not_here
from proxy.jobs.space import HeldSlot
from proxy.runtime.outbox import WayOut

MAX_HELD = 32
"""Requests that a miner may send while its slot is being decided on."""


@define(eq=False, repr=False)
class Sv1Miner(Miner):
    """One connection of Stratum V1."""

    dialect = Dialect.SV1

    outbox: WayOut
    session: ServerSession = field(factory=ServerSession, init=False)
    _mask_told: int = field(default=0, init=False)
    _held: list[Request] = field(factory=list, init=False)
    _is_proxy: bool = field(default=False, init=False)

    @property
    @override
    def version_mask(self) -> int:
        return self.session.version_mask

    @property
    @override
    def user_agent(self) -> str:
        return self.session.user_agent

    # towards the miner

    @override
    def assign(self, job: Job, line: bytes) -> None:
        out = b""
        if self.version_mask:
            mask = self.version_mask & job.work.version_mask
            # Before the job that it is for, and only as news: BIP 310 has it in force
            # at once.
            if mask != self._mask_told:
                self._mask_told = mask
                out = version_mask_line(mask)
        difficulty = self.take_on(job)
        if difficulty is not None:
            # Ahead of its job: cgminer takes a difficulty on with the next notify.
            out += difficulty_line(difficulty)
        # In one write, so that no other line comes in between.
        self.outbox.write(out + line)

    def reply(self, data: bytes) -> None:
        """Send answers that were held back until their shares were durable."""
        self.outbox.write(data)

    @override
    def ask_to_reconnect(self) -> None:
        self.outbox.write(notification("client.reconnect", []))

    @override
    def keep_alive(self) -> None:
        # A line that changes nothing: firmware hangs up on a silent pool, and without
        # work there is none to send.
        self.outbox.write(difficulty_line(self.difficulty))

    # from the miner

    def receive(self, data: bytes) -> None:
        """Take in bytes and answer them, in order.

        Raises:
            RemoteError: They break the protocol: drop the miner.
        """
        for _ in self.receive_each(data):
            pass

    def receive_each(self, data: bytes) -> Iterator[None]:
        """Take in bytes, a line with each step: see `receive`."""
        self.heard_at = self.context.now()
        for request in self.session.receive_each(data):
            if request is not None:
                self._take(request)
            yield

    def receive_line(self, line: bytes) -> None:
        """Take in a line that was cut elsewhere, without its newline: see `receive`."""
        self.heard_at = self.context.now()
        request = self.session.read_line(line)
        if request is not None:
            self._take(request)

    def slots_available(self) -> None:
        """Answer what had to wait for its slot."""
        self.is_waiting = False
        # Taken out first: what is held is taken as if it came now, and may be held
        # anew.
        held_slot, self._held = self._held, []
        try:
            for request in held_slot:
                self._take(request)
        except RemoteError as error:
            self.context.offended(self.address, error)
            self.drop(str(error))

    @override
    def leave(self) -> None:
        self.context.board.layout.stop_waiting(self)
        super().leave()

    def _take(self, request: Request) -> None:
        if self.is_waiting:
            self._hold(request)
        elif type(request) is Submit:
            self._on_submit(request)
        else:
            self._on_request(request)

    def _hold(self, request: Request) -> None:
        """Take `request` up later: answers keep the order of their requests."""
        if len(self._held) >= MAX_HELD:
            raise RemoteError(f"more than {MAX_HELD} requests ahead of an answer")
        self._held.append(request)

    def _on_submit(self, request: Submit) -> None:
        # Without a slot there is no coinbase to rebuild.
        if not self.session.is_subscribed:
            line = error_line(request.id, rejects.NOT_SUBSCRIBED, "Not subscribed")
            self.outbox.write(line)
            return
        now = self.context.now()
        judged = self._judge(request.share, now)
        self.count(judged, now)
        line = verdict_line(request.id, judged.verdict)
        self.context.batch.add(judged, self, line)

    def _judge(self, share: Submission | None, now: Seconds) -> JudgedShare:
        if share is None:
            return self.reject("", "", Verdict.MALFORMED)
        if share.worker not in self.workers:
            return self.reject(share.worker, share.job_id, Verdict.UNAUTHORIZED)
        # Our ids are lower-case hex, and hex is taken in either case.
        job_id = share.job_id if share.job_id in self.live else share.job_id.lower()
        return self.judge(share, job_id, now)

    def _on_request(self, request: Request) -> None:
        if self.context.batch.waits_for(self):
            self.context.batch.flush()  # answers keep the order of their requests
        match request:
            case Configure():
                self._on_configure(request)
            case Subscribe():
                self._on_subscribe(request)
            case Authorize():
                self._on_authorize(request)
            case SuggestDifficulty(difficulty=suggestion):
                # NerdMiner repeats it every 30 s to keep the connection alive.
                if suggestion is not None and self.wishes.is_news(suggestion):
                    self.set_requested_difficulty(start=suggestion)
                self.outbox.write(result_line(request.id, suggestion is not None))
            case Submit():  # handled by receive()
                return
            case _:
                self.outbox.write(self.session.answer_other(request))

    def _on_configure(self, request: Configure) -> None:
        current = self.group.current if self.group else None
        offered = OFFERED_MASK if current is None else current.job.work.version_mask
        # Nothing before this answer: cgminer's kind takes the next line for it.
        self.outbox.write(self.session.configure(request, offered))
        self._mask_told = self.version_mask & offered
        if current is not None:
            self.conduct.note_mask(self._mask_told, 0, self.context.now())
        self.set_requested_difficulty(minimum=request.minimum_difficulty)

    def _on_subscribe(self, request: Subscribe) -> None:
        layout = self.context.board.layout
        if self.held_slot is None and not layout.is_decided():
            self.is_waiting = True
            self._hold(request)
            layout.wait(self)
            return
        self.session.user_agent = request.user_agent
        held_slot = self._choose_slot()
        answer = self.session.subscribed(
            request.id, held_slot.extranonce1, held_slot.extranonce2_bytes
        )
        self.outbox.write(answer)
        self.join()

    def _on_authorize(self, request: Authorize) -> None:
        refusal = self._refusal(request.worker)
        if request.worker is None or refusal:
            self.outbox.write(error_line(request.id, rejects.UNAUTHORIZED, refusal))
            return
        self.workers[request.worker] = None
        wishes = read_password(request.password)
        self.set_requested_difficulty(fixed=wishes.fixed, minimum=wishes.minimum)
        # Ahead of the job that joining may bring: the order that all firmware takes.
        self.outbox.write(result_line(request.id, True))
        if wishes.is_proxy and not self._is_proxy:
            self._serve_as_proxy()
        self.join()

    def _choose_slot(self) -> HeldSlot:
        """Return its slot, taken now if it has none: a proxy's if it is one."""
        known = self.context.proxies
        self._is_proxy |= known.has(self.address, self.user_agent)
        if self._is_proxy:
            board = self.context.board
            most, _ = board.slots.most_extranonce2(board.routes.sources)
            with suppress(SiteFullError):  # an ordinary one is better than none
                held_slot = self.sit_down(min(most, MOST_EXTRANONCE2))
                self.held_slot = held_slot.rolling(MOST_EXTRANONCE2)
                return self.held_slot
        return self.sit_down()

    def _serve_as_proxy(self) -> None:
        """Give it a proxy's slot, now if it takes another, else when it is back."""
        self._is_proxy = True
        self.context.proxies.add(self.address, self.user_agent)
        old = self.held_slot
        if old is None or self.group is not None or not self.session.takes_extranonce:
            return
        self.held_slot = None
        try:
            held_slot = self._choose_slot()
        except SiteFullError:
            self.held_slot = old
            return
        # It had no job by this slot, so the slot need not rest.
        old.release(None)
        self.outbox.write(
            extranonce_line(held_slot.extranonce1, held_slot.extranonce2_bytes)
        )

    def _refusal(self, worker: WorkerName | None) -> str:
        if worker is None:
            return "Worker name is empty, too long or not printable"
        return why_not_here(self, worker)
