"""Signatures as `minisign -S` makes them."""

from base64 import b64decode, b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from protocol.sign.errors import PublicKeyError, SignatureError
from protocol.sign.minisign import MinisignKey
from tests.signatures import order_vectors

_DOCUMENTS = order_vectors()["documents"]
_GOOD = _DOCUMENTS[0]["signatures"]["minisign"]
_MESSAGE = _DOCUMENTS[0]["bytes"].encode()
_KEY = MinisignKey.from_text(_GOOD["public"])
_LINES = _GOOD["value"].split("\n")


def _with(line: int, text: str) -> str:
    return "\n".join(text if at == line else old for at, old in enumerate(_LINES))


def _flipped(text: str, bit: int) -> str:
    raw = bytearray(b64decode(text))
    raw[bit // 8] ^= 1 << bit % 8
    return b64encode(raw).decode()


def test_minisign_s_signatures_verify() -> None:
    for document in _DOCUMENTS:
        made = document["signatures"]["minisign"]
        key = MinisignKey.from_text(made["public"])
        key.verify(made["value"], document["bytes"].encode())
        with pytest.raises(SignatureError, match="does not verify"):
            key.verify(made["value"], document["bytes"].encode() + b"\n")


def test_every_bit_of_both_signatures_counts() -> None:
    for line in (1, 3):
        for bit in range(len(b64decode(_LINES[line])) * 8):
            with pytest.raises(SignatureError):
                _KEY.verify(_with(line, _flipped(_LINES[line], bit)), _MESSAGE)


def test_the_trusted_comment_is_signed_and_the_other_is_not() -> None:
    _KEY.verify(_with(0, "untrusted comment: anything"), _MESSAGE)
    with pytest.raises(SignatureError, match="does not verify"):
        _KEY.verify(_with(2, "trusted comment: anything"), _MESSAGE)


def test_a_signature_over_the_file_itself_is_refused() -> None:
    secret = Ed25519PrivateKey.from_private_bytes(bytes(32))
    number = bytes(8)
    public = b"Ed" + number + secret.public_key().public_bytes_raw()
    made, comment = secret.sign(_MESSAGE), b"old"
    lines = [
        "untrusted comment: -",
        b64encode(b"Ed" + number + made).decode(),
        "trusted comment: old",
        b64encode(secret.sign(made + comment)).decode(),
    ]
    key = MinisignKey.from_text(b64encode(public).decode())
    with pytest.raises(SignatureError, match="hash"):
        key.verify("\n".join(lines), _MESSAGE)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "four lines"),
        ("\n".join(_LINES[:3]), "four lines"),
        (_GOOD["value"] + "\n", "four lines"),
        (_GOOD["value"].replace("\n", "\r\n"), "base64"),
        (_with(1, _LINES[3]), "length"),
        (_with(2, "trusted comment: \ud800"), "surrogates"),
        ("x" * 2049, "2049 > 2048"),
    ],
)
def test_what_is_no_signature_says_why(text: str, why: str) -> None:
    with pytest.raises(SignatureError, match=why):
        _KEY.verify(text, _MESSAGE)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "40 B, but 0 B"),
        (_GOOD["public"][:-4], "39 B"),
        (b64encode(b"ED" + bytes(40)).decode(), "no Ed"),
        ("not base64", "base64"),
    ],
)
def test_what_is_no_public_key_says_why(text: str, why: str) -> None:
    with pytest.raises(PublicKeyError, match=why):
        MinisignKey.from_text(text)


@given(st.text(max_size=300), st.integers(0, 3))
def test_any_text_is_refused_and_raises_nothing_else(text: str, line: int) -> None:
    for made in (text, _with(line, text)):
        if made.split("\n")[1:] != _LINES[1:]:
            with pytest.raises(SignatureError):
                _KEY.verify(made, _MESSAGE)
    with pytest.raises(PublicKeyError):
        MinisignKey.from_text(text)
