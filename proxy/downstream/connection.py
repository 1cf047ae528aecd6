"""A miner's TCP connection: bytes in, bytes out."""

from collections.abc import Callable
from itertools import count
from typing import Any

from twisted.internet.interfaces import IAddress, ITCPTransport
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from typing_extensions import override

from protocol.errors import RemoteError
from protocol.units import Seconds
from proxy.config import LimitsConfig, ListenerConfig
from proxy.downstream.floor import Floor
from proxy.downstream.miner import Miner
from proxy.downstream.roster import Roster
from proxy.downstream.sv1_miner import Sv1Miner
from proxy.runtime.outbox import Outbox


class MinerConnection(Protocol):
    """Moves bytes between a socket and a `Miner`."""

    _log = Logger()

    def __init__(self, hall: "Hall", miner_id: int, floor: Floor) -> None:
        self._hall = hall
        self.miner_id = miner_id
        self.floor = floor
        self.miner: Sv1Miner | None = None

    @override
    def connectionMade(self) -> None:
        hall, transport = self._hall, self._transport
        address = str(getattr(transport.getPeer(), "host", "local"))
        refusal = hall.roster.refusal(address, hall.floor.now())
        if refusal:
            self._log.info(
                "{site}: no to {peer}: {why}",
                site=hall.floor.site,
                peer=address,
                why=refusal,
            )
            transport.abortConnection()
            return
        tcp = ITCPTransport(transport, None)
        if tcp is not None:
            tcp.setTcpNoDelay(True)  # a job held back by Nagle is hashrate lost
            tcp.setTcpKeepAlive(True)
        self.miner = hall.welcome(self, address, Outbox(transport))

    @override
    def dataReceived(self, data: bytes) -> None:
        miner = self.miner
        if miner is None:
            return
        try:
            miner.receive(data)
        except RemoteError as error:
            self.hang_up(str(error))

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        miner, self.miner = self.miner, None
        if miner is not None:
            miner.outbox.close()
            self._hall.farewell(miner)

    def hang_up(self, why: str) -> None:
        """Close the connection for a reason of ours."""
        miner = self.miner
        if miner is not None:
            self._log.info(
                "{site}: dropping {peer} {worker}: {why}",
                site=self._hall.floor.site,
                peer=miner.address,
                worker=next(iter(miner.workers), "(nobody)"),
                why=why,
            )
            miner.outbox.close()
        self._transport.abortConnection()

    @property
    def _transport(self) -> Any:
        return self.transport


class Hall(Factory):
    """Takes connections for one site, on any number of listeners.

    Attributes:
        floor: What its miners share.
        roster: Who they are.
        doors: Listeners with a policy of their own.
    """

    noisy = False

    def __init__(
        self, floor: Floor, limits: LimitsConfig, random: Callable[[], float]
    ) -> None:
        self.floor = floor
        self.roster = Roster(floor.site, limits, self._drop, random)
        floor.parking.miners = self.roster.miners
        self.doors: list[Door] = []
        self._ids = count(1)
        self._connections: dict[int, MinerConnection] = {}

    @override
    def buildProtocol(self, addr: IAddress | None) -> MinerConnection:
        return self.enter(self.floor)

    def enter(self, floor: Floor) -> MinerConnection:
        """Return the protocol of a new connection that comes in on `floor`."""
        return MinerConnection(self, next(self._ids), floor)

    def welcome(
        self, connection: MinerConnection, address: str, outbox: Outbox
    ) -> Sv1Miner:
        """Return the miner behind a new connection."""
        floor = connection.floor
        miner_id = connection.miner_id
        miner = Sv1Miner(
            miner_id, address, floor, floor.now(), floor.grants_at_once, outbox
        )
        self._connections[miner_id] = connection
        self.roster.add(miner)
        return miner

    def farewell(self, miner: Miner) -> None:
        """Take back what a miner held: its connection is gone."""
        del self._connections[miner.id]
        self.roster.remove(miner)
        miner.leave()

    def hold(self, longest: Seconds) -> None:
        """Park the miners that no source has had work for in `longest`.

        They are granted work again once there is some, in their turn.
        """
        parking = self.floor.parking
        for group in self.floor.board.groups:
            since = group.idle_since
            is_out = since is not None and self.floor.now() - since >= longest
            for miner in self.roster.miners.values():
                if miner.group is not group or miner.is_held_out == is_out:
                    continue
                if is_out:
                    miner.hold_out(is_out=True)
                else:
                    parking.bring_back(miner)

    def close_all(self) -> None:
        """Hang up on everybody: the process ends."""
        for connection in list(self._connections.values()):
            connection.hang_up("the proxy stops")

    def _drop(self, miner: Miner, why: str) -> None:
        connection = self._connections.get(miner.id)
        if connection is not None:
            connection.hang_up(why)


class Door(Factory):
    """A listener of a hall whose miners are asked for another difficulty.

    Attributes:
        floor: The hall's, but for the difficulty.
        listener: What the configuration says of it.
    """

    noisy = False

    def __init__(self, hall: Hall, floor: Floor, listener: ListenerConfig) -> None:
        self.floor = floor
        self.listener = listener
        self._hall = hall

    @override
    def buildProtocol(self, addr: IAddress | None) -> MinerConnection:
        return self._hall.enter(self.floor)
