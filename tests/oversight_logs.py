"""A controller's database with rows, and the log that is published of it."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from protocol.tlog.note import KeyKind, Note
from protocol.tlog.tile import tiles_between
from protocol.tlog.tree import leaf_hash, range_hash
from protocol.units import UnixTime
from proxy.oversight.folder import LogFolder
from proxy.oversight.rows import rows_of
from proxy.oversight.signing import Signer, ed25519
from proxy.oversight.writer import LogWriter, Prepared
from proxy.power.journal.chain import Event
from proxy.power.journal.database import STORE_FILE
from proxy.power.journal.effects import Effects
from proxy.power.journal.store import open_store
from proxy.verifier.report import Report
from proxy.verifier.signatures import Trusted
from proxy.verifier.verify import Wanted, verify
from tests.oversight_vectors import MemoryTree

AT = UnixTime(1_796_000_000.0)
ORIGIN = "plant.example/hall-a/log/1"
SIGNER = ed25519(ORIGIN, KeyKind.ED25519, b"\x07" * 32)


class Plant:
    """The state folder of a controller."""

    def __init__(self, state: Path, max_rows: int = 1_000_000) -> None:
        self.state = state
        self.store = open_store(state / STORE_FILE)
        self.store.max_events = max_rows
        self.folder = LogFolder(state / "log")
        self.written = 0

    def write(self, count: int, body: Callable[[int], object] = lambda n: n) -> None:
        """Write so many rows, in one transaction."""
        events = [
            Event(AT + n, "hall-a", "command", f"cause {n}", {"n": body(n)})
            for n in range(self.written, self.written + count)
        ]
        self.written += count
        self.store.write("hall-a", Effects(events=events), (), AT)

    def writer(self, origin: str = ORIGIN, signer: Signer = SIGNER) -> LogWriter:
        """Return one that was just started."""
        return LogWriter(
            self.state / STORE_FILE,
            self.folder,
            origin,
            (signer.key,),
            self.store.max_events,
        )

    def publish(self, writer: LogWriter, spared: int = 0) -> Prepared:
        """Do all that a publisher does, without witnesses."""
        prepared = writer.prepare(spared)
        self.store.publish(prepared.what)
        writer.serve(signed(prepared))
        return prepared

    def leaves(self) -> list[bytes]:
        """Return what is in the database."""
        with rows_of(self.state / STORE_FILE) as rows:
            return [row.leaf for row in rows.after(0)]

    def leaves_after(self, number: int) -> list[bytes]:
        """Return what is in the database after a row."""
        with rows_of(self.state / STORE_FILE) as rows:
            return [row.leaf for row in rows.after(number)]

    def close(self) -> None:
        """Let go of the database."""
        self.store.close()


def report_of(state: Path, events: Iterable[Event], **wanted: Any) -> Report:
    """Return what a verifier finds in a log with these rows, in an empty folder."""
    state.mkdir(exist_ok=True)
    plant = Plant(state)
    plant.store.write("hall-a", Effects(events=list(events)), (), AT)
    plant.publish(plant.writer())
    plant.close()
    return verify(Wanted(state / "log", Trusted((SIGNER.key,)), **wanted)).report


def signed(prepared: Prepared) -> Note:
    """Return the checkpoint, signed."""
    text = prepared.point.text
    return Note(text, (SIGNER.line(text, 0),))


def root_of(leaves: Iterable[bytes]) -> bytes:
    """Return the root over leaves, computed in memory."""
    tree = MemoryTree([leaf_hash(leaf) for leaf in leaves])
    return range_hash(0, len(tree.levels[0]), tree.at)


def check_folder(folder: LogFolder, leaves: list[bytes]) -> None:
    """Look whether every tile and bundle of the log is there and right."""
    tree = MemoryTree([leaf_hash(leaf) for leaf in leaves])
    for tile in tiles_between(0, len(leaves)):
        begin = tile.number * 256
        there = tree.levels[8 * tile.level][begin : begin + tile.width]
        assert folder.tile(tile) == there, tile.path
        if tile.level == 0:
            assert folder.bundle(tile) == leaves[begin : begin + tile.width]
