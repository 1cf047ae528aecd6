"""Signatures as `ssh-keygen -Y sign` makes them."""

from base64 import b64decode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.sign.errors import PublicKeyError, SignatureError
from protocol.sign.ssh_key import SshPublicKey
from protocol.sign.sshsig import verify_sshsig
from tests.signatures import NAMESPACE, TokenKey, armored, order_vectors

_DOCUMENTS = order_vectors()["documents"]
_MADE = [
    (document, signature)
    for document in _DOCUMENTS
    for signature in document["signatures"].values()
    if signature["kind"] == "sshsig" and signature["verdict"] == "good"
]
_PLANT = _DOCUMENTS[0]["signatures"]["plant"]
_MESSAGE = _DOCUMENTS[0]["bytes"].encode()
_BLOB = b64decode("".join(_PLANT["value"].split("\n")[1:-2]))


def _verify(signature: dict[str, Any], message: bytes) -> None:
    key = SshPublicKey.from_text(signature["public"])
    verify_sshsig(signature["value"], message, key, NAMESPACE)


def _refused(text: str, why: str = ".") -> None:
    with pytest.raises(SignatureError, match=why):
        _verify(_PLANT | {"value": text}, _MESSAGE)


def test_openssh_s_signatures_by_every_kind_of_key_verify() -> None:
    kinds = {s["public"].split(" ")[0] for _, s in _MADE}
    for document, signature in _MADE:
        _verify(signature, document["bytes"].encode())

    assert len(_MADE) == 20
    assert len(kinds) == 4


def test_none_verifies_over_another_document_or_by_another_key() -> None:
    for document, signature in _MADE:
        with pytest.raises(SignatureError, match="does not verify"):
            _verify(signature, document["bytes"].encode() + b"\n")
        others = {s["public"] for _, s in _MADE} - {signature["public"]}
        for public in others:
            with pytest.raises(SignatureError, match="another key"):
                _verify(signature | {"public": public}, document["bytes"].encode())


def test_rsa_is_not_taken() -> None:
    for document in _DOCUMENTS:
        rsa = document["signatures"]["rsa"]["public"]
        with pytest.raises(PublicKeyError, match="'ssh-rsa' is not taken"):
            SshPublicKey.from_text(rsa)


def test_a_signature_for_another_purpose_is_refused() -> None:
    key = SshPublicKey.from_text(_PLANT["public"])
    with pytest.raises(SignatureError, match="namespace"):
        verify_sshsig(_PLANT["value"], _MESSAGE, key, b"file")


def test_a_token_has_to_be_touched() -> None:
    token = TokenKey()
    key = SshPublicKey.from_text(token.public)
    for flags in (1, 5):
        verify_sshsig(token.sign(b"x", flags), b"x", key, NAMESPACE)
    for flags in (0, 4):
        with pytest.raises(SignatureError, match="not touched"):
            verify_sshsig(token.sign(b"x", flags), b"x", key, NAMESPACE)


def test_a_token_s_key_for_another_application_is_another_key() -> None:
    key = SshPublicKey.from_text(TokenKey(application=b"ssh:office").public)
    with pytest.raises(SignatureError, match="another key"):
        verify_sshsig(TokenKey().sign(b"x", 1), b"x", key, NAMESPACE)


def test_every_bit_of_a_signature_counts() -> None:
    for at in range(len(_BLOB) * 8):
        flipped = bytearray(_BLOB)
        flipped[at // 8] ^= 1 << at % 8
        _refused(armored(bytes(flipped)))


def test_none_is_cut_short_or_goes_on() -> None:
    for end in range(len(_BLOB)):
        _refused(armored(_BLOB[:end]))
    _refused(armored(_BLOB + b"\0"), "after the end")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not between"),
        ("\n", "not between"),
        ("-----BEGIN SSH SIGNATURE-----\n-----END SSH SIGNATURE-----\n", "not between"),
        (_PLANT["value"].replace("\n", "\r\n"), "not between"),
        (_PLANT["value"] + "\n", "not between"),
        (_PLANT["value"].replace("U1NI", "U1N "), "base64"),
        (_PLANT["value"].replace("U1NI", "U1N\u0130"), "base64"),
        (_PLANT["value"].replace("\nU1NI", "\n\nU1NI"), "empty"),
        ("x" * 2049, "2049 > 2048"),
    ],
)
def test_what_is_no_signature_says_why(text: str, why: str) -> None:
    _refused(text, why)


def test_base64_with_bits_after_the_end_is_a_second_spelling() -> None:
    text = _DOCUMENTS[0]["signatures"]["sk"]["value"]
    stray = text.replace("Vng=\n", "Vnh=\n")
    assert stray != text
    signature = _DOCUMENTS[0]["signatures"]["sk"] | {"value": stray}
    with pytest.raises(SignatureError, match="one spelling"):
        _verify(signature, _MESSAGE)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "base64|announced"),
        ("ssh-ed25519", "announced"),
        (_PLANT["public"] + " somebody@somewhere", "base64"),
        (_PLANT["public"].replace("ssh-ed25519 ", "ssh-rsa "), "key of kind"),
        ("x" * 1025, "1025 > 1024"),
        ("sk-ssh-ed25519@openssh.com " + _PLANT["public"].split(" ")[1], "kind"),
        ("ssh-\u0130 " + _PLANT["public"].split(" ")[1], "ascii"),
    ],
)
def test_what_is_no_public_key_says_why(text: str, why: str) -> None:
    with pytest.raises(PublicKeyError, match=why):
        SshPublicKey.from_text(text)


@given(st.binary(max_size=300))
def test_junk_in_armor_is_refused_and_raises_nothing_else(junk: bytes) -> None:
    _refused(armored(junk))


@given(st.text(max_size=300))
def test_any_text_is_refused_and_raises_nothing_else(text: str) -> None:
    _refused(text)
    with pytest.raises(PublicKeyError):
        SshPublicKey.from_text(text)


@given(st.integers(0, len(_BLOB)), st.integers(0, len(_BLOB)), st.binary(max_size=8))
def test_spliced_signatures_are_refused(begin: int, end: int, between: bytes) -> None:
    spliced = _BLOB[:begin] + between + _BLOB[end:]
    if spliced != _BLOB:
        _refused(armored(spliced))
