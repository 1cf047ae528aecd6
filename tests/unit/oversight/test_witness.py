"""A witness cosigns what continues what it cosigned, and nothing else."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from protocol.tlog.checkpoint import Checkpoint, checkpoint_of
from protocol.tlog.cosignature import verified
from protocol.tlog.note import KeyKind, Note, lines_of, note_of
from protocol.tlog.tree import consistency, leaf_hash, range_hash
from protocol.tlog.witnessing import AddCheckpoint
from proxy.oversight.signing import Signer, ed25519
from proxy.oversight.witness import Reply, Witness
from proxy.oversight.witness_store import WitnessStore, open_witness_store
from tests.oversight_logs import AT, ORIGIN, SIGNER
from tests.oversight_vectors import MemoryTree

WITNESS = ed25519("grid.example/witness", KeyKind.COSIGNATURE, b"\x09" * 32)
TREE = MemoryTree([leaf_hash(str(n).encode()) for n in range(1300)])
FORKED = MemoryTree([leaf_hash(f"{n}!".encode()) for n in range(1300)])


@pytest.fixture
def store(tmp_path: Path) -> Iterator[WitnessStore]:
    opened = open_witness_store(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def witness(store: WitnessStore) -> Witness:
    return Witness(WITNESS, {ORIGIN: [SIGNER.key]}, store, lambda: AT)


def signed(
    size: int, tree: MemoryTree = TREE, origin: str = ORIGIN, signer: Signer = SIGNER
) -> Note:
    text = Checkpoint(origin, size, range_hash(0, size, tree.at)).text
    return Note(text, (signer.line(text, 0),))


def ask(
    witness: Witness, old: int, size: int, note: Note | None = None, proof: int = -1
) -> Reply:
    """Ask for a cosignature, with the proof from `proof` [old]."""
    begin = old if proof < 0 else proof
    hashes = consistency(begin, size, TREE.at) if begin <= size else []
    return witness.add(AddCheckpoint(old, tuple(hashes), note or signed(size)).raw)


def test_what_continues_is_cosigned_and_the_same_again(witness: Witness) -> None:
    for old, size in ((0, 1000), (1000, 1200), (1200, 1200)):
        reply = ask(witness, old, size)

        assert reply.status == 200
        lines = lines_of(reply.body.decode())
        (found,) = verified(Note(signed(size).text, lines), [WITNESS.key])
        assert found.at == int(AT)


def test_an_old_size_that_is_not_what_it_knows_is_answered_with_that(
    witness: Witness,
) -> None:
    ask(witness, 0, 1000)

    for old in (0, 999):
        reply = ask(witness, old, 1200)
        assert (reply.status, reply.body) == (409, b"1000\n")
        assert reply.type == "text/x.tlog.size"


def test_a_fork_is_not_cosigned(witness: Witness, store: WitnessStore) -> None:
    ask(witness, 0, 1000)
    ask(witness, 1000, 1200)

    assert ask(witness, 1200, 1200, signed(1200, FORKED)).status == 422
    assert ask(witness, 1200, 1250, signed(1250, FORKED)).status == 422
    assert ask(witness, 1200, 1250, proof=1100).status == 422
    assert store.seen(ORIGIN).size == 1200


def test_a_log_that_was_set_back_is_not_cosigned(witness: Witness) -> None:
    ask(witness, 0, 1200)

    assert ask(witness, 1200, 1100).status == 400
    assert ask(witness, 1100, 1100).status == 409


def test_a_proof_where_none_is_needed_is_refused(witness: Witness) -> None:
    assert ask(witness, 0, 1000, proof=7).status == 422


def test_an_empty_log_has_one_root(witness: Witness) -> None:
    text = Checkpoint(ORIGIN, 0, bytes(32)).text

    assert ask(witness, 0, 0, Note(text, (SIGNER.line(text, 0),))).status == 422
    assert ask(witness, 0, 0).status == 200


def test_unknown_logs_and_keys_are_refused(witness: Witness) -> None:
    other = ed25519(ORIGIN, KeyKind.ED25519, bytes(32))
    note = signed(1000)
    line = note.signatures[0]
    broken = Note(signed(999).text, (line,))

    assert ask(witness, 0, 1000, signed(1000, origin="x/log/1")).status == 404
    assert ask(witness, 0, 1000, signed(1000, signer=other)).status == 403
    assert ask(witness, 0, 999, broken).status == 403
    assert witness.add(b"old 0\n\nhello").status == 400
    assert witness.add(b"").status == 400


def test_what_it_saw_is_there_after_a_restart(tmp_path: Path) -> None:
    first = open_witness_store(tmp_path)
    ask(Witness(WITNESS, {ORIGIN: [SIGNER.key]}, first, lambda: AT), 0, 1000)
    first.close()
    again = open_witness_store(tmp_path)
    witness = Witness(WITNESS, {ORIGIN: [SIGNER.key]}, again, lambda: AT)

    assert ask(witness, 0, 1200).status == 409
    assert ask(witness, 1000, 1200).status == 200
    again.close()


def test_of_two_that_race_one_is_told_the_new_size(
    witness: Witness, store: WitnessStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spec: tlog-witness, the race at the end of add-checkpoint."""
    ask(witness, 0, 100)
    seen = store.seen
    calls = [0]

    def overtaken(self: WitnessStore, origin: str) -> object:
        calls[0] += 1
        found = seen(origin)
        if calls[0] == 1:
            monkeypatch.undo()
            assert ask(witness, 100, 300).status == 200
        return found

    monkeypatch.setattr(WitnessStore, "seen", overtaken)
    reply = ask(witness, 100, 200)

    assert (reply.status, reply.body) == (409, b"300\n")
    assert store.seen(ORIGIN).size == 300


def test_the_newest_that_it_cosigned_can_be_had(witness: Witness) -> None:
    where = sha256(ORIGIN.encode()).hexdigest()
    assert witness.newest(where).status == 404
    ask(witness, 0, 1000)

    reply = witness.newest(where)

    note = note_of(reply.body)
    assert checkpoint_of(note.text).size == 1000
    keys = [SIGNER.key, WITNESS.key]
    assert [one.key for one in verified(note, keys)] == keys
    assert witness.newest("0" * 64).status == 404
