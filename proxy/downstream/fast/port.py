"""The share engine under the reactor: it is one reader among others."""

from collections import deque
from collections.abc import Iterator
from typing import Any

from twisted.internet.interfaces import (
    IDelayedCall,
    IReadDescriptor,
    IStreamServerEndpoint,
)
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from protocol.dialect import Dialect
from protocol.errors import RemoteError
from protocol.units import Seconds
from proxy.downstream.batch import MAX_DELAY
from proxy.downstream.connection import SiteFactory
from proxy.downstream.fast.acceptor import Acceptor
from proxy.downstream.fast.copied import EngineMiner
from proxy.downstream.fast.listener import NativeListener
from proxy.downstream.fast.sv1_miner import EngineSv1Miner
from proxy.downstream.fast.transport import WireTransport
from proxy.downstream.listener import MinerListener
from proxy.downstream.listener_policy import ListenerPolicy
from proxy.engine.engine import Engine, Wire
from proxy.runtime.contain import serve_each, serve_from
from proxy.shares.counted import CountedBatch
from proxy.shares.record import Recorder

MAX_LINES = 32
"""Lines of one miner that are taken in a row, while others wait."""

MAX_ASKED = 64
"""Miners whose lines are taken in one turn: 2 or 3 ms."""

ASKING_TIME = Seconds(0.005)
"""What that may take where it is handshakes, 0.4 ms each, while shares wait."""

MANY_ARRIVALS = 128
"""New connections in a turn, of 256 that it takes: more wait in the kernel, which has
room for 4,096. One that finds no room there is a second late, so these come first."""

ASKING_TIME_THEN = Seconds(0.001)
"""What the lines of those who are here may take meanwhile: they wait for 0.3 s where
ten thousand come at once, and a flood of connections cannot keep them out."""

MAX_SETTLED = 64
"""Miners that are settled in a row: 0.2 ms."""

SETTLE_AGAIN = Seconds(0.002)

Hearer = EngineSv1Miner | WireTransport
"""Who hears what the engine does not judge."""


@implementer(IReadDescriptor)
class NativePort:
    """Runs one site's engine: a turn whenever the reactor finds it readable.

    Attributes:
        factory: Whose miners it takes.
        engine: What it runs.
        is_busy: There is more to do at once, whether bytes come in or not.
    """

    _log = Logger()

    def __init__(
        self, factory: SiteFactory, recorder: Recorder, reactor: Any, threads: int = 1
    ) -> None:
        self.factory = factory
        self._recorder = recorder
        self._reactor = reactor
        self.engine = Engine(factory.context.site, threads)
        self.is_busy = False
        self._acceptors: dict[int, Acceptor] = {}
        self._unsettled: deque[EngineMiner | WireTransport] = (
            deque()
        )  # each at most once
        self._settling: IDelayedCall | None = None
        self._crowded = False  # its ports rest until there is room
        self._held: CountedBatch | None = None

    def start(self) -> None:
        """Join the reactor."""
        self.engine.rest()
        self._reactor.addReader(self)

    def stop(self) -> None:
        """Leave the reactor: what was judged is answered before."""
        self._finish()
        self._reactor.removeReader(self)
        if self._settling is not None:
            self._settling.cancel()
            self._settling = None

    def close(self) -> None:
        """Let go of all who are left: no turn will tell them that they are gone."""
        self.engine.hang_up()
        self._take_leave()

    def open(
        self, descriptor: int, listener_policy: SiteFactory | ListenerPolicy
    ) -> None:
        """Take the connections of a listening socket, as its policy says."""
        self._acceptors[descriptor] = Acceptor(self.factory, listener_policy)
        self.engine.listen(descriptor)

    def shut(self, descriptor: int) -> None:
        """Take no more connections of a listening socket."""
        del self._acceptors[descriptor]
        self.engine.unlisten(descriptor)

    def listener(
        self,
        endpoint: IStreamServerEndpoint,
        listener_policy: SiteFactory | ListenerPolicy,
    ) -> MinerListener:
        """Return the service of a port; the engine takes its connections if it can."""
        if not self.can_speak(listener_policy.may_speak):
            self._log.warn(
                "{site}: no libcrypto.so.3: miners of Stratum V2 are served in Python",
                site=self.factory.context.site,
            )
            return MinerListener(endpoint, listener_policy)
        return NativeListener(endpoint, listener_policy, self)

    def can_speak(self, protocol: str) -> bool:
        """Tell whether the engine can serve `protocol`: V2 is encrypted."""
        return protocol == Dialect.SV1 or bool(self.engine.can_encrypt)

    def settle(self) -> None:
        """Let miners take note of what was counted for them: call each second."""
        if not self._unsettled:
            self._unsettled.extend(self.engine.touched())
            self._settle_some()
        if self._crowded and self.factory.descriptors.has_room():
            self._crowded = False
            for descriptor in self._acceptors:
                self.engine.listen(descriptor)

    def _settle_some(self) -> None:
        """Settle a few miners, and the next ones soon: no share shall wait for all."""
        count = min(MAX_SETTLED, len(self._unsettled))
        some = [self._unsettled.popleft() for _ in range(count)]
        serve_each(some, lambda protocol: protocol.settle(), "settling a miner")
        self._settling = None
        if self._unsettled:
            self._settling = self._reactor.callLater(SETTLE_AGAIN, self._settle_some)

    def fileno(self) -> int:
        """Return what the reactor shall watch."""
        return self.engine.fileno()

    def logPrefix(self) -> str:  # noqa: N802  (ILoggingContext)
        """Return who is at work."""
        return "share engine"

    def connectionLost(self, reason: Failure) -> None:  # noqa: N802  (IReadDescriptor)
        """Nothing to do: the engine is no connection."""

    def doRead(self) -> None:  # noqa: N802  (IReadDescriptor)
        """Do a turn, unless a block is being sent ahead of the last one's batch."""
        if self._held is not None:
            return
        with self._log.failuresHandled("a turn of the share engine"):
            self._turn()

    def _turn(self) -> None:
        context = self.factory.context
        wall = context.wall_clock()
        if not self.engine.run(context.now(), wall):
            self._rest()
            return
        self._held = self.engine.batch(wall)
        blocks = [share for share in self._held.wanted if share.is_block]
        ahead = [self._recorder.block_found(share) for share in blocks]
        if any(ahead):
            self.engine.pause()
            self._reactor.callLater(MAX_DELAY, self._finish)
        else:
            self._finish()

    def _finish(self) -> None:
        """Commit the turn's verdicts, answer them, and do what else it brought."""
        batch, self._held = self._held, None
        if batch is None:
            return
        try:
            self._recorder.record_counted(batch)
            self.engine.answer()
        finally:
            self._rest()

    def _rest(self) -> None:
        engine = self.engine
        try:
            is_rush = self._take_arrivals() >= MANY_ARRIVALS
            serve_each(engine.due(), lambda miner: miner.settle(), "a retarget")
            self._ask_around(ASKING_TIME_THEN if is_rush else ASKING_TIME)
            self._take_leave()
        finally:
            self.is_busy = engine.rest()  # or nothing would ever wake it again

    def _take_arrivals(self) -> int:
        """Take in the new connections of this turn; return how many they are."""
        arrivals = self.engine.arrivals()
        for descriptor, listener, peer in arrivals:
            with self._log.failuresHandled("taking in {peer}", peer=peer):
                self._accept(descriptor, listener, peer)
        descriptors = self.factory.descriptors
        if self.engine.is_crowded:  # whatever took them, it was no miner
            descriptors.turned_away += 1
            self._crowded = True
        elif arrivals and not descriptors.has_room():
            self._crowded = True
            for port in self._acceptors:
                self.engine.unlisten(port)
        return len(arrivals)

    def _accept(self, descriptor: int, listener: int, peer: str) -> None:
        listener_policy = self._acceptors.get(listener)
        try:
            wire = Wire(self.engine, descriptor)
        except OSError as error:
            self._log.error("{peer} cannot be watched: {error}", peer=peer, error=error)
            return
        if listener_policy is None:
            wire.hang_up()  # the port was closed in this very turn
            return
        listener_policy.accept(wire, peer)

    def _ask_around(self, longest: Seconds) -> None:
        """Take the lines that the engine does not judge, some of each miner."""
        serve_from(self._asking(longest), self._ask, "a line of a miner")
        self.factory.context.batch.flush()  # so that no later share is answered before

    def _asking(self, longest: Seconds) -> Iterator[Hearer]:
        """Yield some of those who ask; another only after what is done with one."""
        now = self.factory.context.now
        until = now() + longest
        for _ in range(MAX_ASKED):
            protocol = self.engine.next_asking()
            if protocol is None:
                return
            yield protocol
            if now() > until:
                return

    def _ask(self, protocol: Hearer) -> None:
        protocol.outbox.hold()
        try:
            self._take_lines(protocol)
        except RemoteError as error:
            self.factory.offended(protocol.address, error)
            protocol.drop(str(error))
        finally:
            protocol.outbox.release()

    def _take_lines(self, protocol: Hearer) -> None:
        for _ in range(MAX_LINES):
            line = protocol.outbox.ask()
            if line is None:
                return
            protocol.hear(line)
        protocol.outbox.wait()

    def _take_leave(self) -> None:
        for protocol in self.engine.lost():
            with self._log.failuresHandled("taking leave of a miner"):
                self._unregister(protocol)

    def _unregister(self, protocol: Hearer) -> None:
        if isinstance(protocol, EngineSv1Miner):
            protocol.outbox.close()
            if protocol.outbox.fell_behind:
                self.factory.note_slow(protocol)
            self.factory.unregister(protocol)
        else:
            protocol.lost()
