"""Hidden values are shown one by one, and nothing else can be guessed from a leaf."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import MalformedMessageError
from protocol.tlog.disclosure import hidden, opened
from tests.oversight_vectors import vectors

VECTORS = vectors("redaction")


def test_openings_have_the_digests_that_were_recorded() -> None:
    for number, one in enumerate(VECTORS["disclosures"]):
        found = opened(one["encoded"])

        assert found.digest == one["digest"] == VECTORS["body"]["_sd"][number]


def test_an_opening_is_read_as_it_was_made() -> None:
    made = hidden(bytes(16), "acme", {"n": 3, "d": 1.5})

    assert opened(made.text) == made


def test_the_same_value_has_another_digest_with_another_salt() -> None:
    first, second = (hidden(bytes([n]) * 16, "acme", {"n": 3}) for n in (1, 2))

    assert first.digest != second.digest
    with pytest.raises(ValueError, match="a salt of 3 B"):
        hidden(b"abc", "acme", 1)


@given(st.text(max_size=60))
def test_what_is_no_opening_is_refused(text: str) -> None:
    try:
        opened(text)
    except MalformedMessageError:
        return


@pytest.mark.parametrize("text", ["", "e30", "WzEsMiwzXQ", "A" * 9000, "é"])
def test_other_json_is_no_opening(text: str) -> None:
    with pytest.raises(MalformedMessageError):
        opened(text)
