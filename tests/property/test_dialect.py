"""Either version of Stratum is told by its first bytes."""

from hypothesis import given
from hypothesis import strategies as st

from protocol.dialect import ENOUGH_BYTES, Dialect, tell_dialect


@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P"])))
def test_a_line_of_text_is_the_older_version(text: str) -> None:
    assert tell_dialect(f'{{"id":"{text}"}}\n'.encode()) is Dialect.SV1


@given(st.binary(min_size=ENOUGH_BYTES))
def test_whatever_comes_it_is_told_from_the_first_bytes(data: bytes) -> None:
    found = tell_dialect(data)

    assert found is not None
    assert found is tell_dialect(data[:ENOUGH_BYTES])


@given(st.binary(min_size=1), st.data())
def test_a_verdict_stands_whatever_follows(data: bytes, more: st.DataObject) -> None:
    found = tell_dialect(data)

    if found is not None:
        assert tell_dialect(data + more.draw(st.binary(max_size=40))) is found


def test_a_part_of_a_line_tells_nothing_yet() -> None:
    assert tell_dialect(b"") is None
    assert tell_dialect(b"\n\n") is None
    assert tell_dialect(b'{"id":1,') is None
    assert tell_dialect(b'{"id":1,\n') is None
    assert tell_dialect(b'{"id":1}\n') is Dialect.SV1
    assert tell_dialect(b'{"id":1}\n\xff') is Dialect.SV1
    assert tell_dialect(b"!\n") is None
    assert tell_dialect(b"!\n\x00") is Dialect.SV2
    assert tell_dialect(b'{"id":1,\xff') is Dialect.SV2
    assert tell_dialect(b"\x16\x03\x01") is Dialect.SV2
