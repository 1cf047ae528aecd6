"""Where a machine is: what its name, its address or a pattern of its row says."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.config.rack_place import Place, place_of, place_pattern


@pytest.mark.parametrize(
    ("worker", "address", "place"),
    [
        ("rack-a.012", "10.0.0.1", Place("rack-a", "012")),
        ("R1L1N2", "10.0.0.1", Place("R1L1N", "2")),
        ("c3.r12.s4", "10.0.0.1", Place("c3.r12", "s4")),
        ("account.rig", "10.1.7.33", Place("10.1.7", "33")),
        ("", "10.1.7.33", Place("10.1.7", "33")),
        ("solo", "unix", Place("", "solo")),
    ],
)
def test_a_name_says_it_and_else_the_address(
    worker: str, address: str, place: Place
) -> None:
    assert place_of([], worker, address) == place


@pytest.mark.parametrize(
    ("pattern", "name", "place"),
    [
        ("{hall}-r{rack}.{pos}", "b-r12.4", Place("hall b rack 12", "4")),
        (
            "hall {hall} row {row} rack {rack} shelf {shelf} pos {pos}",
            "hall 1 row 2 rack 30 shelf 4 pos 5",
            Place("hall 1 row 2 rack 30", "4.5"),
        ),
        ("*.R{rack}L{shelf}N{pos}", "acme.west.R7L2N3", Place("rack 7", "2.3")),
        ("10.{hall}.{rack}.{pos}", "10.2.3.4", Place("hall 2 rack 3", "4")),
    ],
)
def test_a_pattern_finds_its_pieces(pattern: str, name: str, place: Place) -> None:
    assert place_of([place_pattern(pattern)], name, "192.0.2.1") == place
    assert place_of([place_pattern(pattern)], "rig", name) == place


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("", "1 to 128"),
        ("rack a", "Expected a piece"),
        ("{rack}{pos}", "something between"),
        ("{rack}-{rack}", "once"),
        ("{floor}.{pos}", "{hall}, {row}"),
        ("*-{rack}-*", "one *"),
    ],
)
def test_what_is_no_pattern_is_refused_in_words(pattern: str, why: str) -> None:
    with pytest.raises(ValueError, match=re.escape(why)):
        place_pattern(pattern)


@given(st.text(max_size=256), st.text(max_size=40))
def test_every_machine_has_a_place(worker: str, address: str) -> None:
    patterns = [place_pattern("*{hall}a{row}a{rack}a{shelf}a{pos}"[1:])]
    place = place_of(patterns, worker, address)
    assert place.position or not (worker or address)


def test_a_name_made_to_be_tried_for_long_is_not() -> None:
    pattern = place_pattern("x{hall}a{row}a{rack}a{shelf}a{pos}!")
    begun = time.process_time()
    place_of([pattern], "x" + "a" * 255, "a")
    assert time.process_time() - begun < 1.0
