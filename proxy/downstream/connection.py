"""A site's connections: who takes them, and where their miners are kept."""

import typing
from collections import Counter
from collections.abc import Callable
from itertools import count
from typing import Any

from twisted.internet.interfaces import IAddress, ITCPTransport
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from typing_extensions import override

from protocol.dialect import Dialect
from protocol.errors import RemoteError
from protocol.sv1.server import HangUpError
from protocol.units import Seconds
from proxy.config import LimitsConfig, ListenerConfig
from proxy.downstream.auto_connection import AutoConnection
from proxy.downstream.bans import Ban, Network, spelled, those_in
from proxy.downstream.holding import Holding
from proxy.downstream.miner import Miner, SiteFullError
from proxy.downstream.miner_protocol import Speaker
from proxy.downstream.roster import Roster
from proxy.downstream.site_context import Floor
from proxy.downstream.sv1_connection import MinerConnection
from proxy.downstream.sv1_miner import Sv1Miner
from proxy.downstream.sv2_connection import Sv2Connection
from proxy.downstream.sv2_keys import ServerKeys
from proxy.runtime.contain import serve_each
from proxy.runtime.descriptors import UNLIMITED, Descriptors
from proxy.runtime.outbox import Outbox


class Droppable(typing.Protocol):
    """A connection, as its hall commands it."""

    def dismiss(self, miner: Miner, why: str, /) -> None:
        """Hang up on one of its miners, and on all if it cannot do less."""

    def hang_up(self, why: str) -> None:
        """Close it for a reason of ours."""


class Hall(Factory):
    """Takes connections for one site, on any number of listeners.

    Attributes:
        floor: What its miners share.
        roster: Who they are.
        doors: Listeners with a policy of their own.
        speaks: What those speak who come in here.
        keys: What it shows to miners of Stratum V2; None: it takes none.
        descriptors: How many connections the process has room for.
    """

    _log = Logger()
    noisy = False
    speaks: str = Dialect.SV1

    def __init__(
        self, floor: Floor, limits: LimitsConfig, random: Callable[[], float]
    ) -> None:
        self.floor = floor
        self.roster = Roster(floor.site, limits, self._drop, random)
        floor.parking.miners = self.roster.miners
        self.roster.on_change = floor.parking.note_state
        self._holding = Holding(floor.board, floor.parking, floor.clock)
        floor.drop = self._drop
        self.doors: list[Door] = []
        self._ids = count(1)
        self.keys: ServerKeys | None = None
        self._connections: dict[int, Droppable] = {}
        self._lodgers: dict[Speaker, str] = {}
        self._crowds: Counter[str] = Counter()
        self._alone = 0
        self.descriptors = Descriptors(UNLIMITED, lambda: 0)

    @property
    def hall(self) -> "Hall":
        """Itself: a door has one, too."""
        return self

    @property
    def connection_count(self) -> int:
        """Connections that are open: of miners, and of those that may come to be."""
        return len(self._lodgers) + self._alone

    @override
    def buildProtocol(self, addr: IAddress | None) -> Speaker | None:
        return self.enter(self.floor) if self.has_room() else None

    def has_room(self) -> bool:
        """Tell whether the process can hold one more connection; note if not."""
        has_room = self.descriptors.has_room()
        self.descriptors.turned_away += not has_room
        return has_room

    def enter(self, floor: Floor, protocol: str = Dialect.SV1) -> Speaker:
        """Return the protocol of a new connection that comes in on `floor`.

        Args:
            floor: What it gives its miners.
            protocol: `sv1`, `sv2`, or `auto` to find out.
        """
        keys = self.keys
        if keys is None or protocol == Dialect.SV1:
            return MinerConnection(self, self.new_id(), floor)
        if protocol == Dialect.SV2:
            return Sv2Connection(self, floor, keys)
        return AutoConnection(
            self, lambda dialect: self.enter(floor, dialect), floor.clock
        )

    def admit(self, transport: Any) -> str | None:
        """Return the address of a new connection, made fit for jobs.

        None if it is not taken: it has been hung up on.
        """
        address = str(getattr(transport.getPeer(), "host", "local"))
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
        refusal = self.refusal(address) or self._crowd_at(address)
        if refusal:
            self._log.info(
                "{site}: no to {peer}: {why}",
                site=self.floor.site,
                peer=address,
                why=refusal,
            )
        return not refusal

    def refusal(self, address: str) -> str:
        """Return why no miner from `address` is taken; empty if one is."""
        return self.roster.refusal(address, self.floor.now())

    def offended(self, address: str, error: RemoteError) -> None:
        """Note why a connection from `address` is dropped."""
        if not isinstance(error, SiteFullError | HangUpError):  # ours, or its own wish
            self.roster.offend(address, self.floor.now())

    def ban(self, network: Network, for_s: Seconds, why: str) -> None:
        """Refuse a network for a time, and hang up on who is connected from there.

        Raises:
            BanError: The list is full.
        """
        now = self.floor.now()
        self.roster.bans.add(Ban(network, Seconds(now + for_s), why), now)
        self._log.info(
            "{site}: {network} is banned for {for_s:g} s: {why}",
            site=self.floor.site,
            network=spelled(network),
            for_s=for_s,
            why=why,
        )
        addresses = {m.address for m in self.roster.miners.values()}
        addresses = those_in(network, addresses.union(self._crowds))
        miners = [m for m in self.roster.miners.values() if m.address in addresses]
        serve_each(miners, lambda miner: miner.drop("banned"), "dropping the banned")
        for lodger in [c for c, at in self._lodgers.items() if at in addresses]:
            with self._log.failuresHandled("dropping the banned"):
                lodger.hang_up("banned")

    def unban(self, network: Network) -> bool:
        """Take a network again; return whether it was banned."""
        was_banned = self.roster.bans.lift(network)
        if was_banned:
            self._log.info(
                "{site}: {network} is no longer banned",
                site=self.floor.site,
                network=spelled(network),
            )
        return was_banned

    def new_id(self) -> int:
        """Return a number that no miner had."""
        return next(self._ids)

    def arrived(self, connection: Speaker, address: str) -> None:
        """Count in a connection that may be without miners."""
        self._lodgers[connection] = address
        self._crowds[address] += 1

    def departed(self, connection: Speaker) -> None:
        """Count it out."""
        address = self._lodgers.pop(connection)
        self._crowds[address] -= 1
        if not self._crowds[address]:
            del self._crowds[address]

    def move_in(self, miner: Miner, connection: Droppable) -> None:
        """Take in a miner that came on `connection`."""
        self._connections[miner.id] = connection
        self._alone += miner.dialect is Dialect.SV1
        self.roster.add(miner)

    def welcome(
        self, connection: MinerConnection, address: str, outbox: Outbox
    ) -> Sv1Miner:
        """Return the miner behind a new connection."""
        floor = connection.floor
        miner_id = connection.miner_id
        miner = Sv1Miner(
            miner_id, address, floor, floor.now(), floor.grants_at_once, outbox
        )
        self.move_in(miner, connection)
        return miner

    def note_drop(self, miner: Miner, why: str) -> None:
        """Log that a miner is hung up on."""
        self._log.info(
            "{site}: dropping {peer} {worker}: {why}",
            site=self.floor.site,
            peer=miner.address,
            worker=next(iter(miner.workers), "(nobody)"),
            why=why,
        )

    def farewell(self, miner: Miner) -> None:
        """Take back what a miner held: its connection is gone."""
        del self._connections[miner.id]
        self._alone -= miner.dialect is Dialect.SV1
        self.roster.remove(miner)
        miner.leave()

    def hold(self, longest: Seconds) -> None:
        """Park the miners that no source has had work for in `longest`.

        They are granted work again once there is some, in their turn.
        """
        self._holding.look(longest)

    def close_all(self) -> None:
        """Hang up on everybody: the process ends."""
        self._holding.stop()
        everybody: set[Droppable | Speaker] = {*self._connections.values()}
        for connection in everybody | set(self._lodgers):
            with self._log.failuresHandled("hanging up at the end"):
                connection.hang_up("the proxy stops")

    def _crowd_at(self, address: str) -> str:
        """Return why one more connection, with miners or without, is too many."""
        limits = self.roster.limits
        if len(self._lodgers) >= limits.connections:
            return f"the site has {limits.connections} connections"
        limit = limits.connections_per_address
        if 0 < limit <= self._crowds[address]:
            return f"the address has {limit} connections"
        return ""

    def _drop(self, miner: Miner, why: str) -> None:
        connection = self._connections.get(miner.id)
        if connection is not None:
            connection.dismiss(miner, why)


class Door(Factory):
    """A listener of a hall with a protocol or a difficulty of its own.

    Attributes:
        hall: Whose listener it is.
        floor: The hall's, but for the difficulty.
        speaks: What those speak who come in here: `sv1`, `sv2`, or `auto`.
        listener: What the configuration says of it.
    """

    noisy = False

    def __init__(self, hall: Hall, floor: Floor, listener: ListenerConfig) -> None:
        self.floor = floor
        self.listener = listener
        self.speaks = Dialect.SV1 if hall.keys is None else listener.protocol
        self.hall = hall

    @override
    def buildProtocol(self, addr: IAddress | None) -> Speaker | None:
        hall = self.hall
        return hall.enter(self.floor, self.speaks) if hall.has_room() else None
