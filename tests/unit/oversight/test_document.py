"""The one spelling of documents, and whose signatures stand under them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import RemoteError
from protocol.oversight.document import (
    MAX_DOCUMENT_BYTES,
    DocumentError,
    Key,
    document_id,
    kind_of,
    read_document,
    written,
)
from protocol.oversight.signature import NAMESPACE, Signature, signers_of
from tests.documents import KEYS, POLICY, limit, policy, signed
from tests.signatures import order_vectors, policy_vectors

_ORDERS = order_vectors()


def test_documents_and_policies_of_the_vectors_are_read_and_named() -> None:
    for one in (*_ORDERS["documents"], *policy_vectors()["policies"]):
        raw = one["bytes"].encode()
        document = read_document(raw)

        assert document_id(raw) == one["id"]
        assert written(document) == raw
        assert kind_of(document) == json.loads(raw)["kind"]


@pytest.mark.parametrize("one", _ORDERS["not_documents"], ids=lambda one: one["why"])
def test_what_has_another_spelling_is_no_document(one: dict[str, str]) -> None:
    with pytest.raises(DocumentError):
        read_document(one["bytes"].encode())


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n",
        b"null\n",
        b"[" * 4000,
        b"\xff\n",
        limit(reason="a\u2028b"),
        limit(reason="\x7f"),
        limit(site=""),
        limit(site="x" * 65),
        limit(nonce="1"),
        limit() + b"\n",
        limit().replace(b"feeder", b"f\\u0065eder"),
        limit(reason="x" * 257),
        b" " * (MAX_DOCUMENT_BYTES + 1),
        written(policy(keys={"a b": KEYS["grid-1"]})),
        written(policy(keys={})),
        written(policy(keys={"k": Key("note", "x\n", "grid")})),
    ],
)
def test_what_is_no_document_is_refused(raw: bytes) -> None:
    with pytest.raises(DocumentError):
        read_document(raw)


def test_text_of_any_script_is_read_as_it_is_written() -> None:
    raw = limit(reason='Wartung \u2014 \u5de5\u4e8b \U0001f50c " \\ /')
    assert written(read_document(raw)) == raw


def test_people_s_and_machines_signatures_over_the_vectors_verify() -> None:
    assert _ORDERS["namespace"].encode() == NAMESPACE
    for one in _ORDERS["documents"]:
        raw = one["bytes"].encode()
        good = {n: s for n, s in one["signatures"].items() if s["verdict"] == "good"}
        keys = {n: Key(s["kind"], s["public"], "plant") for n, s in good.items()}
        made = [Signature(n, s["value"]) for n, s in good.items()]

        assert len(good) == 6
        assert signers_of(raw, made, keys) == set(good)
        for signature in made:
            with pytest.raises(RemoteError):
                signers_of(raw + b" ", [signature], keys)


def test_the_policy_says_what_kind_a_key_is() -> None:
    made = _ORDERS["documents"][0]["signatures"]
    raw = _ORDERS["documents"][0]["bytes"].encode()
    for kind in ("sshsig", "minisign", "note"):
        for signature in made.values():
            if signature["kind"] == kind:
                continue
            keys = {"a": Key(kind, signature["public"], "plant")}
            with pytest.raises(RemoteError):
                signers_of(raw, [Signature("a", signature["value"])], keys)


def test_one_bad_signature_spoils_the_rest_so_that_it_is_seen() -> None:
    raw = limit()
    good = signed(raw, "grid-1")
    with pytest.raises(RemoteError, match=r"host-1: .*does not verify"):
        signers_of(raw, (*good, *signed(limit(), "host-1")), KEYS)
    with pytest.raises(RemoteError, match="no key 'grid-9'"):
        signers_of(raw, (*good, Signature("grid-9", "x")), KEYS)


def test_a_cosignature_s_key_signs_no_documents() -> None:
    vkey = "grid.example/witness+323a499e+BAfydCX9T83hHsQGd7SfIjenaPFTIA1TU6fPkz7fe8TJ"
    with pytest.raises(RemoteError, match="type 0x04"):
        signers_of(b"x", [Signature("w", "x")], {"w": Key("note", vkey, "grid")})


@given(st.binary(max_size=200))
def test_any_bytes_are_a_document_or_an_error(junk: bytes) -> None:
    with pytest.raises(DocumentError):
        read_document(junk)


@given(st.integers(0, len(written(POLICY))), st.binary(min_size=1, max_size=3))
def test_a_document_that_was_touched_is_another_or_none(at: int, put: bytes) -> None:
    raw = written(POLICY)
    touched = raw[:at] + put + raw[at + len(put) :]
    if touched == raw:
        return
    try:
        document = read_document(touched)
    except DocumentError:
        return
    assert written(document) == touched
    assert document != POLICY
