"""A Stratum V2 connection: encrypted bytes in and out, a miner for each channel."""

from collections.abc import Iterable, Iterator
from typing import Any

from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from typing_extensions import override

from protocol.errors import RemoteError
from protocol.sv2 import codes
from protocol.sv2.line import ServerLine
from protocol.sv2.miner_events import (
    ChannelAsked,
    ChannelClosed,
    ChannelUpdated,
    MinerEvent,
    SetupRefused,
    ShareSubmitted,
)
from protocol.sv2.server import ServerSession
from protocol.units import Seconds, WorkerName
from proxy.downstream.asked_channels import AskedChannels, fault_of
from proxy.downstream.connection_host import ConnectionHost
from proxy.downstream.miner import Miner
from proxy.downstream.miner_protocol import MinerProtocol
from proxy.downstream.miner_state import SiteFullError
from proxy.downstream.site_context import SiteContext
from proxy.downstream.sv2_keys import ServerKeys
from proxy.downstream.sv2_miner import Sv2Miner, bound_of, read_worker
from proxy.runtime.inflow import Inflow
from proxy.runtime.outbox import Outbox, WayOut
from proxy.runtime.tap import MemoryTap, Tap

OPEN_WITHIN = Seconds(15.0)
"""For handshake, setup and the first channel; also how long one may be without."""


class Sv2Connection(MinerProtocol):
    """Moves bytes between a socket and a `ServerSession`, and owns its miners."""

    _log = Logger()

    def __init__(
        self, host: ConnectionHost, context: SiteContext, keys: ServerKeys
    ) -> None:
        self._host = host
        self._context = context
        self._address = ""
        self._session = ServerSession(self._line_of(keys))
        self._miners: dict[int, Sv2Miner] = {}
        self._asked = AskedChannels(context)
        self._due: IDelayedCall | None = None
        self._outbox: WayOut | None = None
        self._inflow: Inflow | None = None
        self._tap: MemoryTap | None = None

    @override
    def connectionMade(self) -> None:
        address = self._host.admit(self._transport)
        if address is None:
            return
        self._address = address
        self._open_ways()
        self._host.arrived(self, address)
        self._mind_the_time()

    def _open_ways(self) -> None:
        """Take messages in turns, and keep no more than a bound of what is unsent."""
        self._outbox = Outbox(self._transport)
        self._inflow = Inflow(self._context.turns, self, self._transport)

    @override
    def dataReceived(self, data: bytes) -> None:
        if self._is_open and self._inflow is not None:
            self._inflow.receive(data)

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._host.tls_failures.note(self._transport, reason)
        inflow, self._inflow = self._inflow, None
        if inflow is not None:
            inflow.end()
        if self._outbox is not None:
            self._outbox.close()
            if self._outbox.fell_behind and self._miners:
                self._host.note_slow(next(iter(self._miners.values())))
            self._host.departed(self)
        if self._due is not None:
            self._due.cancel()
            self._due = None
        self._asked.forget(self)
        for channel_id in list(self._miners):
            with self._log.failuresHandled("taking leave of a channel"):
                self._host.unregister(self._miners.pop(channel_id))

    @property
    def has_one_miner(self) -> bool:
        """There is one channel, no more."""
        return len(self._miners) == 1

    def send(self, frames: Iterable[bytes]) -> None:
        """Send these frames, in order."""
        if self._is_open:
            self._session.send(frames)
            self.flush()

    def ask_to_reconnect(self) -> None:
        """Ask the miners to connect anew: all channels are asked at once."""
        self._session.ask_to_reconnect()
        self.flush()

    def tap(self) -> Tap | None:
        """Return a recording of its frames; None: there is one already."""
        if self._tap is not None:
            return None
        self._tap = MemoryTap(self._context.wall_clock, self._untap)
        self._session.tap(self._tap.note)
        return self._tap

    def _untap(self) -> None:
        self._tap = None
        self._session.tap(None)

    def dismiss(self, miner: Miner, why: str) -> None:
        """Close the channel of one miner; hang up after the last."""
        for channel_id, one in self._miners.items():
            if one is miner and one.channel is not None and len(self._miners) > 1:
                del self._miners[channel_id]
                self._session.close(one.channel, why[:200])
                self.flush()
                self._host.unregister(one)
                return
        self.hang_up(why)

    @override
    def hang_up(self, why: str) -> None:
        if self._is_open:
            workers = (next(iter(m.workers), "?") for m in self._miners.values())
            self._host.note_drop(self._address, next(workers, None), why)
        if self._outbox is not None:
            self._outbox.close()
        if self._inflow is not None:
            self._inflow.forget()
        self._transport.abortConnection()

    def slots_available(self) -> None:
        """Open the channels that had to wait for their slots."""
        try:
            for one in self._asked.take():
                if self._is_open:
                    self._open(one)
            self.flush()
        except RemoteError as error:
            self._host.offended(self._address, error)
            self.hang_up(str(error))
        self._mind_the_time()

    def drop(self, why: str) -> None:
        """Hang up on it for a reason of ours."""
        self.hang_up(why)

    def _line_of(self, keys: ServerKeys) -> ServerLine:
        return keys.line()

    def read(self, data: bytes) -> Iterator[None]:
        """Take the messages that `data` completes, one with each step."""
        try:
            for events in self._session.receive_each(data):
                for event in events:
                    if not self._is_open:  # an event before it was the last
                        return
                    self._take(event)
                yield
        except RemoteError as error:
            self._host.offended(self._address, error)
            self.hang_up(str(error))

    def _take(self, event: MinerEvent) -> None:
        if type(event) is ShareSubmitted:
            self._miners[event.channel.id].submit(event)
        else:
            self._on_event(event)

    def _on_event(self, event: MinerEvent) -> None:
        match event:
            case ChannelAsked():
                self._open(event)
            case ChannelUpdated(channel=channel, max_target=max_target):
                if bound_of(max_target) > self._context.policy.maximum:
                    self._session.refuse_update(channel, codes.MAX_TARGET)
                else:
                    self._miners[channel.id].update(event)
            case ChannelClosed(channel=channel):
                self._host.unregister(self._miners.pop(channel.id))
                self._mind_the_time()
            case SetupRefused(why=why):
                self._part(why)
            case ShareSubmitted():  # handled by _take()
                return

    def _open(self, asked: ChannelAsked) -> None:
        if not self._context.board.layout.is_decided():
            if not self._asked.wait(asked, self):
                self._session.refuse(asked, codes.NO_ROOM)
            return
        worker = read_worker(asked.user)
        code = self._fault(asked, worker) if worker else codes.UNKNOWN_USER
        if worker is None or code:
            self._session.refuse(asked, code)
            return
        miner = self._new_miner(asked, worker)
        try:
            held_slot = miner.sit_down(asked.min_size or 0)
        except SiteFullError:
            self._session.refuse(asked, codes.NO_ROOM)
            return
        target = miner.target_of(miner.difficulty)
        channel = self._session.open(
            asked, held_slot.extranonce1, held_slot.extranonce2_bytes, target
        )
        self._miners[channel.id] = miner
        self._widen()
        self._host.register(miner, self)
        try:
            miner.start(channel, target)
        except SiteFullError as error:
            self.dismiss(miner, str(error))

    def _fault(self, asked: ChannelAsked, worker: WorkerName) -> str:
        """Return why the channel cannot be opened; empty if it can."""
        if self._host.refusal(self._address, self):
            return codes.NO_ROOM
        if self.bound_names().refusal(worker):
            return codes.UNKNOWN_USER
        return fault_of(asked, worker, self._context)

    def _new_miner(self, asked: ChannelAsked, worker: WorkerName) -> Sv2Miner:
        context = self._context
        miner = self._make_miner(
            id=self._host.new_id(),
            address=self._address,
            context=context,
            connected_at=context.now(),
            is_granted=context.parking.grants_at_once,
            wire=self,
            hashrate=asked.hashrate,
            user_agent=self._session.user_agent,
        )
        miner.names = self.bound_names()
        miner.introduce(worker, asked.max_target)
        return miner

    def _make_miner(self, **fields: Any) -> Sv2Miner:
        return Sv2Miner(**fields)

    def _widen(self) -> None:
        """Allow as many unsent bytes as so many miners may have, to a limit."""
        if isinstance(self._outbox, Outbox):
            self._outbox.miners = len(self._miners)

    def flush(self) -> None:
        """Send what waits for it."""
        data = self._session.outgoing()
        if data and self._outbox is not None:
            self._outbox.write(data)

    def _part(self, why: str) -> None:
        """Hang up once the refusal is sent."""
        self._log.info(
            "{site}: no to {peer}: {why}",
            site=self._context.site,
            peer=self._address,
            why=why,
        )
        self.flush()
        if self._outbox is not None:
            self._outbox.close()
        self._transport.loseConnection()

    def _mind_the_time(self) -> None:
        """Look later whether there is a channel."""
        if self._due is None and not self._miners:
            self._due = self._context.clock.callLater(OPEN_WITHIN, self._on_time)

    def _on_time(self) -> None:
        self._due = None
        if not self._miners and not self._asked:
            self.hang_up(f"no channel in {OPEN_WITHIN:g} s")

    @property
    def _is_open(self) -> bool:
        return self._outbox is not None and self._outbox.is_open

    @property
    def _transport(self) -> Any:
        return self.transport
