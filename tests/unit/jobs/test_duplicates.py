import pytest

from protocol.work.job import Content
from proxy.jobs.duplicates import Duplicates
from tests.builders import a_work

ONE = a_work().content
OTHER = a_work(prev_hash=b"\x07" * 32).content


def test_works_of_one_content_have_one_set() -> None:
    duplicates = Duplicates()
    seen = duplicates.take(ONE, set)

    seen.add(b"key")

    assert b"key" in duplicates.take(ONE, set)
    assert b"key" not in duplicates.take(OTHER, set)


def test_a_set_goes_with_its_last_user() -> None:
    duplicates = Duplicates()
    duplicates.take(ONE, set).add(b"key")
    duplicates.take(ONE, set)

    duplicates.release(ONE)
    assert duplicates.keys_held == 1
    duplicates.release(ONE)

    assert duplicates.keys_held == 0
    assert b"key" not in duplicates.take(ONE, set)


def test_what_nobody_took_cannot_be_released() -> None:
    with pytest.raises(KeyError):
        Duplicates().release(ONE)


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 0x20002000},
        {"ntime": 1_700_000_500},
        {"target": 1, "clean": False, "source_job": "up2", "session": 7},
        {"coinb1": b"\x01" * 39, "extranonce1": b"\x01\xaa\xbb\xcc\xdd"},
        {"extranonce1": b"\xaa\xbb\xcc\xdd\x00", "extranonce2_size": 7},
        {"coinb1": b"\x01" * 41, "coinb2": b"\x02" * 59},
    ],
)
def test_what_is_rolled_or_cut_elsewhere_may_coincide(changes: dict[str, int]) -> None:
    assert a_work(**changes).content == ONE


@pytest.mark.parametrize(
    "changes",
    [
        {"prev_hash": b"\x07" * 32},
        {"nbits": 0x1D00FFFE},
        {"merkle_branch": (b"\x03" * 32,)},
        {"coinb2": b"\x02" * 61},
    ],
)
def test_what_is_in_every_header_tells_works_apart(changes: dict[str, int]) -> None:
    content: Content = a_work(**changes).content

    assert content != ONE
