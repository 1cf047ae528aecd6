"""Notes, checkpoints, cosignatures, proofs: every vector, and what is none."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import MalformedMessageError
from protocol.tlog.checkpoint import Checkpoint, checkpoint_of
from protocol.tlog.cosignature import cosigned, verified
from protocol.tlog.note import (
    KeyKind,
    Note,
    NoteSigner,
    SignatureError,
    SignatureLine,
    VerifierKey,
    lines_of,
    note_of,
)
from protocol.tlog.proof import proof_of
from protocol.tlog.tree import ProofError
from protocol.tlog.witnessing import AddCheckpoint, request_of
from tests.oversight_vectors import vectors

VECTORS = vectors("note")
LOG = VECTORS["log"]
COSIGNED = VECTORS["cosignature"]
REAL = VECTORS["real"]
MLDSA = VECTORS["mldsa"]


def keys(*texts: str) -> list[VerifierKey]:
    return [VerifierKey.from_text(text) for text in texts]


def test_the_example_of_the_specification_verifies() -> None:
    example = VECTORS["spec_example"]
    note = note_of(example["note"].encode())

    (found,) = verified(note, keys(example["vkey"]))

    assert found.key.name == "example.com/foo"
    assert found.at is None
    assert note.raw == example["note"].encode()


def test_our_checkpoint_is_signed_to_the_byte_as_recorded() -> None:
    signer = NoteSigner.from_seed(LOG["origin"], bytes.fromhex(LOG["seed_hex"]))
    recorded = note_of(LOG["checkpoint"].encode())
    point = checkpoint_of(recorded.text)

    note = Note(point.text, (signer.line(point.text),))

    assert note.raw == LOG["checkpoint"].encode()
    assert signer.key.text == LOG["vkey"]
    assert (point.origin, point.size) == (LOG["origin"], 300)


def test_a_cosignature_is_made_to_the_byte_as_recorded() -> None:
    secret = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(COSIGNED["seed_hex"]))
    (key,) = keys(COSIGNED["vkey"])
    text = note_of(LOG["checkpoint"].encode()).text

    line = cosigned(key, secret.sign, text, COSIGNED["time"])

    assert line.text == COSIGNED["line"]
    assert verified(Note(text, (line,)), [key])[0].at == COSIGNED["time"]


def test_what_two_witnesses_of_others_cosigned_verifies() -> None:
    found = verified(note_of(REAL["note"].encode()), keys(*REAL["vkeys"]))

    assert [one.key.kind for one in found] == [1, 4, 4]
    assert [one.at for one in found] == [None, 1_795_966_716, 1_795_966_716]


def test_a_cosignature_by_ml_dsa_verifies() -> None:
    pytest.importorskip("cryptography.hazmat.primitives.asymmetric.mldsa")
    note = note_of(MLDSA["note"].encode())
    (key,) = keys(MLDSA["vkey"])

    (found,) = verified(note, [key])

    assert found.key.kind is KeyKind.MLDSA44
    value = bytearray(note.signatures[0].value)
    value[100] ^= 1
    bad = SignatureLine(key.name, key.id, bytes(value))
    with pytest.raises(SignatureError):
        verified(Note(note.text, (bad,)), [key])


def test_signatures_of_strangers_are_passed_over() -> None:
    note = note_of(REAL["note"].encode())

    assert len(verified(note, keys(REAL["vkeys"][1]))) == 1
    assert verified(note, keys(VECTORS["spec_example"]["vkey"])) == []


def test_one_bad_signature_of_a_known_key_refuses_the_note() -> None:
    bad = next(b for b in VECTORS["bad"] if "does not verify" in b["why"])

    with pytest.raises(SignatureError, match="does not verify"):
        verified(note_of(bad["note"].encode()), keys(LOG["vkey"]))


def test_what_is_no_note_or_checkpoint_is_refused_as_recorded() -> None:
    def read(bad: dict[str, str]) -> None:
        if "note" in bad:
            verified(note_of(bad["note"].encode()), keys(LOG["vkey"]))
        else:
            checkpoint_of(bad["checkpoint_text"].encode())

    for bad in VECTORS["bad"]:
        with pytest.raises(MalformedMessageError):
            read(bad)


@pytest.mark.parametrize(
    "text",
    [
        "o\n1\n",
        "o\n1\nAAAA\n",
        "o\n-1\n" + "A" * 43 + "=\n",
        "o\n\u0661\n" + "A" * 43 + "=\n",
        f"o\n{1 << 63}\n" + "A" * 43 + "=\n",
        "\n1\n" + "A" * 43 + "=\n",
        "o\n1\n" + "A" * 42 + "B=\n",
        "o\n1\n" + "A" * 43 + "=",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(MalformedMessageError):
        checkpoint_of(text.encode())


@pytest.mark.parametrize(
    "raw",
    [b"", b"a\n\n", b"a\n\n\n", b"a\n\nb\n", b"\xff\n\n\xe2\x80\x94 a AAAAAAA=\n"],
)
def test_what_is_no_note_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedMessageError):
        note_of(raw)


def test_a_note_of_too_many_signatures_is_refused() -> None:
    line = note_of(LOG["checkpoint"].encode()).signatures[0].text

    assert len(lines_of(line * 64)) == 64
    with pytest.raises(MalformedMessageError, match="too many"):
        lines_of(line * 65)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a+00000000+AAAA",
        "+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "a b+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+BekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
    ],
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(MalformedMessageError):
        VerifierKey.from_text(text)


def test_keys_are_written_as_they_were_read() -> None:
    for text in (*REAL["vkeys"], MLDSA["vkey"], LOG["vkey"]):
        assert VerifierKey.from_text(text).text == text


def test_the_proof_of_a_leaf_holds_for_that_leaf_alone() -> None:
    recorded = VECTORS["proof"]
    proof = proof_of(recorded["text"].encode())

    proof.check(recorded["leaf"].encode())

    assert proof.raw == recorded["text"].encode()
    assert len(verified(proof.note, keys(*REAL["vkeys"]))) == 3
    with pytest.raises(ProofError):
        proof.check(recorded["leaf"].encode() + b" ")


def test_what_nobody_vouches_for_in_a_proof_is_passed_over() -> None:
    text = VECTORS["proof"]["text"].replace("index", "extra QUJD\nindex", 1)

    assert proof_of(text.encode()).index == 777


@pytest.mark.parametrize(
    ("old", "new"),
    [("@v1", "@v2"), ("index 777", "index 0777"), ("index 777\n", ""), ("=\n", "\n")],
)
def test_what_is_no_proof_is_refused(old: str, new: str) -> None:
    text = VECTORS["proof"]["text"].replace(old, new, 1)

    with pytest.raises(MalformedMessageError):
        proof_of(text.encode())


@given(
    st.integers(0, 2**62), st.lists(st.binary(min_size=32, max_size=32), max_size=63)
)
def test_a_request_is_read_as_it_was_made(old: int, proof: list[bytes]) -> None:
    request = AddCheckpoint(old, tuple(proof), note_of(LOG["checkpoint"].encode()))

    assert request_of(request.raw) == request


@pytest.mark.parametrize("head", ["", "old\n", "old 01\n", "old 1\nAAAA\n", "new 1\n"])
def test_what_is_no_request_is_refused(head: str) -> None:
    with pytest.raises(MalformedMessageError):
        request_of(head.encode() + b"\n" + LOG["checkpoint"].encode())


@given(st.binary(max_size=200))
def test_bytes_of_anyone_are_read_or_refused(raw: bytes) -> None:
    for read in (note_of, checkpoint_of, proof_of, request_of):
        try:
            read(raw)
        except MalformedMessageError:
            continue


def test_a_root_that_is_no_hash_is_refused() -> None:
    short = base64.b64encode(bytes(31)).decode()

    with pytest.raises(MalformedMessageError, match="31 B"):
        checkpoint_of(f"o\n1\n{short}\n".encode())
    assert checkpoint_of(Checkpoint("o", 1, bytes(32)).text).size == 1
