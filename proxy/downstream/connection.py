"""A site's connections: who takes them, and where their miners are kept."""

from collections.abc import Callable
from itertools import count
from typing import Any

from twisted.internet.interfaces import IAddress, ITCPTransport
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from typing_extensions import override

from protocol.dialect import Dialect
from protocol.errors import RemoteError
from protocol.hosts import unmapped
from protocol.sv1.server import HangUpError
from protocol.units import Seconds
from proxy.config import LimitsConfig
from proxy.downstream.auto_connection import AutoConnection
from proxy.downstream.connection_host import Closable
from proxy.downstream.crowds import CROWD
from proxy.downstream.holding import Holding
from proxy.downstream.miner import Miner
from proxy.downstream.miner_protocol import MinerProtocol
from proxy.downstream.miner_state import SiteFullError
from proxy.downstream.newcomers import Newcomers
from proxy.downstream.open_connections import OpenConnections
from proxy.downstream.roster import Roster
from proxy.downstream.site_context import SiteContext
from proxy.downstream.sv1_connection import MinerConnection
from proxy.downstream.sv1_miner import Sv1Miner
from proxy.downstream.sv2_connection import Sv2Connection
from proxy.downstream.sv2_keys import ServerKeys
from proxy.downstream.tls_failures import TlsFailures
from proxy.runtime.debugging import is_debugging
from proxy.runtime.descriptors import UNLIMITED, Descriptors
from proxy.runtime.outbox import Outbox
from proxy.runtime.slices import Errands
from proxy.runtime.tap import Tap


class SiteFactory(Factory):
    """Takes connections for one site, on any number of listeners.

    Attributes:
        context: What its miners share.
        roster: Who they are.
        open_connections: Those that may have many of them, or none yet.
        listener_policies: Listeners with a policy of their own.
        may_speak: What those may speak who come in here, where the site has keys.
        speaks: What they speak.
        keys: What it shows to miners of Stratum V2; None: it takes none.
        descriptors: How many connections the process has room for.
        errands: What is being done with many of its miners.
        slow_readers: Connections that were closed because their peer did not read.
        tls_failures: Connections that were lost because of their TLS.
    """

    _log = Logger()
    noisy = False
    may_speak: str = Dialect.SV1
    speaks: str = Dialect.SV1

    def __init__(
        self, context: SiteContext, limits: LimitsConfig, random: Callable[[], float]
    ) -> None:
        self.context = context
        self.errands: Errands[Any] = Errands(context.clock)
        self.roster = Roster(context.site, limits, self._drop, random, self.errands)
        context.parking.miners = self.roster.miners
        self.roster.on_change = context.parking.note_state
        self._holding = Holding(context.board, context.parking, context.clock)
        context.drop = self._drop
        self._newcomers: Newcomers[Miner] = Newcomers(self._drop)
        context.proved = self._proved
        context.offended = self.offended
        self._ids = count(1)
        self.keys: ServerKeys | None = None
        self._connections: dict[int, Closable] = {}
        self.open_connections = OpenConnections()
        self._alone = 0
        self._is_closing = False
        self.slow_readers = 0
        self.tls_failures = TlsFailures(context.site)
        self.descriptors = Descriptors(UNLIMITED, lambda: 0)

    @property
    def factory(self) -> "SiteFactory":
        """Itself: a `ListenerPolicy` has one, too."""
        return self

    @property
    def connection_count(self) -> int:
        """Connections that are open: of miners, and of those that may come to be."""
        return len(self.open_connections) + self._alone

    @override
    def buildProtocol(self, addr: IAddress | None) -> MinerProtocol | None:
        return self.enter(self.context) if self.has_room() else None

    def has_room(self) -> bool:
        """Tell whether the process can hold one more connection; note if not."""
        has_room = self.descriptors.has_room()
        self.descriptors.turned_away += not has_room
        return has_room

    def enter(self, context: SiteContext, protocol: str = Dialect.SV1) -> MinerProtocol:
        """Return the protocol of a new connection that is told `context`.

        Args:
            context: What it gives its miners.
            protocol: `sv1`, `sv2`, or `auto` to find out.
        """
        keys = self.keys
        if keys is None or protocol == Dialect.SV1:
            return MinerConnection(self, self.new_id(), context)
        if protocol == Dialect.SV2:
            return Sv2Connection(self, context, keys)
        return AutoConnection(
            self, lambda dialect: self.enter(context, dialect), context.clock
        )

    def admit(self, transport: Any) -> str | None:
        """Return the address of a new connection, made fit for jobs.

        None if it is not taken: it has been hung up on.
        """
        address = unmapped(str(getattr(transport.getPeer(), "host", "local")))
        if not self.lets_in(address):
            transport.abortConnection()
            return None
        tcp = ITCPTransport(transport, None)
        if tcp is not None:
            tcp.setTcpNoDelay(True)  # a job held back by Nagle is hashrate lost
            tcp.setTcpKeepAlive(True)
        return address

    def lets_in(self, address: str) -> bool:
        """Tell whether one more connection from `address` is taken; log if not."""
        if not self.has_room():
            return False  # an alarm tells of it, not a line for each
        limits, now = self.roster.limits, self.context.now()
        refusal = (
            self.roster.refusal(address, now)
            or self.open_connections.refusal(address, limits, now)
            or self._refusal_for_room(address, None)
        )
        if refusal:
            self._log.info(
                "{site}: no to {peer}: {why}",
                site=self.context.site,
                peer=address,
                why=refusal,
            )
        return not refusal

    def refusal(self, address: str, connection: MinerProtocol | None = None) -> str:
        """Return why no miner from `address` is taken; empty if one is.

        Args:
            address: Where it comes from.
            connection: That it has in common with others, if it has.
        """
        refusal = self.roster.refusal(address, self.context.now())
        return refusal or self._refusal_for_room(address, connection)

    def _refusal_for_room(self, address: str, connection: MinerProtocol | None) -> str:
        """Make room for one more miner if need be; return why there is none."""
        most = self.roster.limits.connections
        if connection and self._newcomers.on(connection) >= max(most // 2, CROWD):
            return "too many channels without a share"
        if len(self.roster.miners) < most:
            return ""
        has_room = self._newcomers.make_room(address, connection, self.context.now())
        self.roster.turned_away += not has_room
        return "" if has_room else f"the site has {most} miners"

    def offended(self, address: str, error: RemoteError) -> None:
        """Note why a connection from `address` is dropped."""
        if not isinstance(error, SiteFullError | HangUpError):  # ours, or its own wish
            self.roster.offend(address, self.context.now())

    def new_id(self) -> int:
        """Return a number that no miner had."""
        return next(self._ids)

    def arrived(self, connection: MinerProtocol, address: str) -> None:
        """Count in a connection that may be without miners."""
        self.open_connections.add(connection, address, self.context.now())

    def departed(self, connection: MinerProtocol) -> None:
        """Count it out."""
        self.open_connections.remove(connection)

    def register(self, miner: Miner, connection: Closable) -> None:
        """Take in a miner that came on `connection`."""
        self._connections[miner.id] = connection
        self._alone += miner.dialect is Dialect.SV1
        self.roster.add(miner)
        self._newcomers.add(miner, self.open_connections.has_miner(connection))
        if is_debugging():
            self._log.debug(
                "{site}: {peer} is here, as miner {id}",
                site=self.context.site,
                peer=miner.address,
                id=miner.id,
            )

    def accept(
        self, connection: MinerConnection, address: str, outbox: Outbox
    ) -> Sv1Miner:
        """Return the miner behind a new connection."""
        context = connection.context
        miner_id = connection.miner_id
        miner = Sv1Miner(
            miner_id,
            address,
            context,
            context.now(),
            context.parking.grants_at_once,
            outbox,
        )
        miner.names = connection.bound_names()
        self.register(miner, connection)
        return miner

    def note_drop(self, address: str, worker: str | None, why: str) -> None:
        """Log that a miner is hung up on, unless all of them are."""
        if not self._is_closing:
            self._log.info(
                "{site}: dropping {peer} {worker}: {why}",
                site=self.context.site,
                peer=address,
                worker=worker or "(nobody)",
                why=why,
            )

    def note_slow(self, miner: Miner) -> None:
        """Note that a connection was closed because its peer does not read."""
        self.slow_readers += 1
        worker = next(iter(miner.workers), None)
        self.note_drop(miner.address, worker, "it does not read what it is sent")

    def unregister(self, miner: Miner) -> None:
        """Take back what a miner held: its connection is gone."""
        del self._connections[miner.id]
        self._alone -= miner.dialect is Dialect.SV1
        self.roster.remove(miner)
        self._newcomers.remove(miner)
        miner.leave()
        if is_debugging():
            self._log.debug(
                "{site}: {peer} {worker} is gone, miner {id}",
                site=self.context.site,
                peer=miner.address,
                worker=next(iter(miner.workers), "(nobody)"),
                id=miner.id,
            )

    def tap(self, miner: Miner) -> Tap | None:
        """Return a recording of a miner's connection; None: it cannot be made."""
        connection = self._connections.get(miner.id)
        return None if connection is None else connection.tap()

    def hold(self, longest: Seconds) -> None:
        """Park the miners that no source has had work for in `longest`.

        They are granted work again once there is some, in their turn.
        """
        self._holding.look(longest)

    def bounds_changed(self) -> None:
        """Have the miners that are here take on other bounds of difficulty."""
        miners = self.roster.miners.values()
        self.errands.run(miners, lambda m: m.bounds_changed(), "changing bounds")

    def close_all(self) -> None:
        """Hang up on everybody: the process ends."""
        self._holding.stop()
        self.context.parking.stop()
        self.errands.stop()
        self._is_closing = True
        everybody: set[Closable | MinerProtocol] = {*self._connections.values()}
        for connection in everybody | set(self.open_connections):
            with self._log.failuresHandled("hanging up at the end"):
                connection.hang_up("the proxy stops")

    def _proved(self, miner: Miner) -> None:
        self._newcomers.remove(miner)
        self.open_connections.proved(self._connections.get(miner.id))

    def _drop(self, miner: Miner, why: str) -> None:
        connection = self._connections.get(miner.id)
        if connection is not None:
            connection.dismiss(miner, why)
