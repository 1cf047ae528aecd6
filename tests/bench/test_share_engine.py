"""What a share costs in C beside one in Python, ledger on, 12 merkle branches.

In one process. The engine in C reads and answers real sockets, the Python path
strings in memory, so the ratio is a lower bound. Every share is really hashed.
"""

import time
from pathlib import Path
from typing import Any

import pytest

from protocol.bitcoin.hashes import sha256d
from protocol.bitcoin.target import target_from_difficulty
from protocol.units import Seconds, UnixTime
from protocol.work.judge import header_of
from proxy.shares.database import open_database
from proxy.shares.ledger import SqliteLedger
from tests.builders import EASY, a_submission, judge_loosely
from tests.fakes.hall import Hall, NativeWire, Wire

pytest.importorskip("proxy.engine.engine")

MINERS = 64
IN_FLIGHT = 4
ROUNDS = 15
LEAST = 3.0
"""Times that C is cheaper; see the file's head for why the whole gain is not seen."""

LINE = (
    b'{"id":%d,"method":"mining.submit","params":["rig1","%s","%s","6553f100",'
    b'"00000000"]}\n'
)


class Mill:
    """A site with one engine, and what its miners send in each round."""

    def __init__(self, engine: str, folder: Path) -> None:
        self.hall: Hall = type("Hall", (Hall,), {"engine": engine})()
        folder.mkdir()
        ledger: Any = SqliteLedger(
            open_database(folder / "ledger.sqlite3", durability="process"),
            Seconds(86400.0),
            1 << 40,
            lambda: UnixTime(1_700_000_000.0),
            print,
        )
        self.hall.recorder.ledger = ledger
        branch = tuple(sha256d(bytes([n])) for n in range(12))
        self.hall.sources[0].post(merkle_branch=branch)
        self.wires = [self.hall.connect().work() for _ in range(MINERS)]
        for wire in self.wires:
            wire.miner.wishes.is_fixed = True
        self.talk = [self._talk_of(wire) for wire in self.wires]

    def microseconds_a_share(self) -> float:
        elapsed = 0.0
        for turn in range(ROUNDS):
            for wire, said in zip(self.wires, self.talk, strict=True):
                if isinstance(wire, NativeWire):
                    wire._socket.sendall(said[turn])  # the miner's cost, not ours
            begun = time.process_time()  # a measurement
            self._turn(turn)
            elapsed += time.process_time() - begun
            for wire in self.wires:
                assert wire.received().count(b"true") == IN_FLIGHT
        assert self.accepted == MINERS * IN_FLIGHT * ROUNDS
        return 1e6 * elapsed / self.accepted

    @property
    def accepted(self) -> int:
        return self.hall.recorder.totals.sites["hall-a"].accepted

    def _turn(self, turn: int) -> None:
        port = self.hall.port
        if self.hall.engine == "native":
            port.doRead()
            while port.is_busy:
                port.doRead()
            return
        for wire, said in zip(self.wires, self.talk, strict=True):
            wire.send(said[turn])
        self.hall.context.batch.flush()

    def _talk_of(self, wire: Wire) -> list[bytes]:
        """Return IN_FLIGHT good shares for each round, each of its own extranonce2."""
        group, seat = wire.miner.group, wire.miner.held_slot
        assert group is not None
        assert group.current is not None
        assert seat is not None
        job, number = group.current.job, 0
        lines: list[bytes] = []
        target = target_from_difficulty(EASY)
        while len(lines) < ROUNDS * IN_FLIGHT:
            extranonce2 = number.to_bytes(4, "big")
            number += 1
            share = a_submission(extranonce2=extranonce2)
            digest = sha256d(header_of(job, judge_loosely(share, seat.extranonce1)))
            if int.from_bytes(digest, "little") <= target:
                name = extranonce2.hex().encode()
                lines.append(LINE % (number, job.id.encode(), name))
        return [
            b"".join(lines[at : at + IN_FLIGHT])
            for at in range(0, len(lines), IN_FLIGHT)
        ]


@pytest.mark.bench
def test_a_share_costs_a_fraction_in_c(tmp_path: Path) -> None:
    costs: list[tuple[float, float]] = []
    for turn in range(3):
        python = Mill("python", tmp_path / f"python{turn}").microseconds_a_share()
        native = Mill("native", tmp_path / f"native{turn}").microseconds_a_share()
        costs.append((python, native))

    ratios = [python / native for python, native in costs]
    assert max(ratios) > LEAST, f"microseconds: {costs}"
