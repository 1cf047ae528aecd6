"""What a share of Stratum V2 costs beside one of V1, both in Python, ledger on.

In one process and without sockets, which cost both the same: sealing, opening and
laying out is what V2 adds.
"""

import hashlib
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.address import IPv4Address

from protocol.bitcoin.target import target_from_difficulty
from protocol.sv2.codec import encode, mining
from protocol.units import Difficulty, Seconds, UnixTime
from protocol.work.job import Job
from proxy.shares.database import open_database
from proxy.shares.ledger import SqliteLedger
from tests.fakes.hall import Hall
from tests.fakes.sv2_wire import NTIME, Door, Sv2Wire

MINERS = 64
ROUNDS = 40
MOST = 2.0
"""1.55 to 1.65 measured; with sockets, 1.4."""

EASY = target_from_difficulty(Difficulty(1e-9))
HELLO = (
    b'{"id":1,"method":"mining.configure","params":[["version-rolling"],{}]}\n'
    b'{"id":2,"method":"mining.subscribe","params":["x"]}\n'
    b'{"id":3,"method":"mining.authorize","params":["rig","x"]}\n'
)


class Nowhere:
    """A transport that takes everything."""

    def write(self, data: bytes) -> None:
        pass

    def registerProducer(self, producer: object, streaming: object) -> None:  # noqa: N802
        pass

    def getPeer(self) -> IPv4Address:  # noqa: N802
        return IPv4Address("TCP", "10.0.0.1", 1)


class Mill:
    """A site, its connections, and the shares that each will send."""

    def __init__(self, folder: Path) -> None:
        self.hall = Hall()
        wall = lambda: UnixTime(float(NTIME))  # noqa: E731
        ledger: Any = SqliteLedger(
            open_database(folder / "ledger.sqlite3", durability="process"),
            Seconds(86400.0),
            1 << 40,
            wall,
            print,
        )
        self.hall.recorder.ledger = ledger
        self.hall.sources[0].post()
        self.door = Door(self.hall)
        self.senders: list[Callable[[bytes], None]] = []
        self.shares: list[list[bytes]] = []

    @property
    def job(self) -> Job:
        current = self.hall.board.groups[0].current
        assert current is not None
        return current.job

    def add_older(self) -> None:
        connection: Any = self.door.connections.enter(self.hall.context, "sv1")
        connection.makeConnection(Nowhere())
        connection.dataReceived(HELLO)
        miner = connection.miner
        miner.wishes.is_fixed = True
        line = (
            b'{"id":9,"method":"mining.submit","params":["rig","%s","00000000",'
            b'"%08x","%08x"]}\n'
        )
        name = self.job.id.encode()
        self.shares.append(
            [line % (name, NTIME, n) for n in self._nonces(miner.held_slot.extranonce1)]
        )
        self.senders.append(connection.dataReceived)

    def add_newer(self) -> None:
        wire = Sv2Wire(self.door, "sv2", "10.0.0.1").set_up()
        channel = wire.extended()[0].channel_id
        miner: Any = wire.miner()
        miner.wishes.is_fixed = True
        job, sealed = self.job, []
        for number, nonce in enumerate(self._nonces(miner.held_slot.extranonce1)):
            share = mining.SubmitSharesExtended(
                channel, number, job.seq, nonce, NTIME, job.work.version, bytes(4)
            )
            wire.line.send([encode(share)])
            sealed.append(wire.line.outgoing())
        self.shares.append(sealed)
        connection: Any = wire.connection
        connection._outbox._transport = Nowhere()
        self.senders.append(wire.connection.dataReceived)

    def seconds_a_share(self) -> float:
        begun = time.process_time()  # a measurement
        for turn in range(ROUNDS):
            for send, shares in zip(self.senders, self.shares, strict=True):
                send(shares[turn])
        elapsed = time.process_time() - begun
        self.hall.context.batch.flush()
        book = self.hall.recorder.totals.sites["hall-a"]
        assert book.accepted == MINERS * ROUNDS
        return elapsed / book.accepted

    def _nonces(self, slot: bytes) -> list[int]:
        work, root = self.job.work, b""
        coinbase = self.job.coinb1 + slot + bytes(4) + work.coinb2
        for sibling in (b"", *work.merkle_branch):
            tail = coinbase if not sibling else root + sibling
            root = hashlib.sha256(hashlib.sha256(tail).digest()).digest()
        head = struct.pack("<I", work.version) + work.prev_hash + root
        head += struct.pack("<II", NTIME, work.nbits)
        found: list[int] = []
        nonce = 0
        while len(found) < ROUNDS:
            digest = hashlib.sha256(head + struct.pack("<I", nonce)).digest()
            digest = hashlib.sha256(digest).digest()
            if int.from_bytes(digest, "little") <= EASY:
                found.append(nonce)
            nonce += 1
        return found


@pytest.mark.bench
def test_a_share_of_the_newer_version_costs_at_most_twice_as_much(
    tmp_path: Path,
) -> None:
    ratios = []
    for turn in range(3):
        cost: list[float] = []
        for add in (Mill.add_older, Mill.add_newer):
            folder = tmp_path / f"{turn}-{add.__name__}"
            folder.mkdir()
            mill = Mill(folder)
            for _ in range(MINERS):
                add(mill)
            cost.append(mill.seconds_a_share())
        ratios.append(cost[1] / cost[0])

    assert min(ratios) < MOST, f"{ratios}"
