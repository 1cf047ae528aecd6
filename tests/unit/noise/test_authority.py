"""Authority keys as people write them."""

import pytest

from protocol.bitcoin.base58 import encode_check
from protocol.noise.authority import (
    AuthorityKey,
    AuthorityKeyError,
    AuthoritySecret,
)
from tests.noise_peers import an_authority

SECRET = "mkDLTBBRxdBv998612qipDYoTK3YUrqLe8uWw7gu3iXbSrn2n"  # noqa: S105  (of a public test)
PUBLIC = "9auqWEzQDVyd2oe1JVGFLMLHZtCo2FFqZwtKA5gd9xbuEu7PH72"
BRAIINS = "u95GEReVMjK6k5YqiSFNqqTnKU4ypU2Wm8awa6tmbmDmk1bWt"


def test_a_key_with_version_is_read_and_written() -> None:
    key = AuthorityKey.from_text(PUBLIC)

    assert key.xonly.hex().startswith("24ee3c38")
    assert key.text == PUBLIC
    assert AuthorityKey.from_text(key.bare_text) == key


def test_a_bare_key_is_read_and_written() -> None:
    key = AuthorityKey.from_text(BRAIINS)

    assert key.bare_text == BRAIINS
    assert AuthorityKey.from_text(key.text) == key


def test_a_secret_has_the_known_public_part() -> None:
    secret = AuthoritySecret.from_text(SECRET)

    assert secret.raw.hex().startswith("65995eb1")
    assert secret.key.text == PUBLIC
    assert secret.text == SECRET


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "wrong checksum"),
        ("not a key", "' ' is not in base58"),
        (PUBLIC[:-1] + "3", "wrong checksum"),
        ("1" * 65, "65 characters"),
        (encode_check(b"\x02\x00" + an_authority().key.xonly), "version 0200"),
        (encode_check(bytes(31)), "31 B, wanted 32"),
        (encode_check(b"\xff" * 32), "no point of the curve"),
    ],
)
def test_what_is_no_key_is_refused_with_its_reason(text: str, why: str) -> None:
    with pytest.raises(AuthorityKeyError, match=why):
        AuthorityKey.from_text(text)


@pytest.mark.parametrize("raw", [bytes(32), b"\xff" * 32, b"short"])
def test_what_is_no_secret_is_refused_without_telling_it(raw: bytes) -> None:
    with pytest.raises(AuthorityKeyError) as refused:
        AuthoritySecret.from_text(encode_check(raw))

    assert encode_check(raw) not in str(refused.value)
