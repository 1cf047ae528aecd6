"""Tiles, bundles, and the edge of a log that grows."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import MalformedMessageError
from protocol.tlog.tile import (
    Edge,
    TileId,
    bundle,
    hashes_of,
    leaves_of,
    tile_at,
    tiles_between,
)
from tests.oversight_vectors import vectors

VECTORS = vectors("tiles")
TREE = vectors("tree")


def test_paths_are_as_recorded() -> None:
    for spelled, path in VECTORS["paths"].items():
        level, number, width = spelled.split("/")
        if level == "entries":
            assert TileId(0, int(number), int(width)).bundle_path == path
        else:
            assert TileId(int(level), int(number), int(width)).path == path


def test_tiles_that_change_are_as_recorded() -> None:
    for case in VECTORS["changed"]:
        found = [one.path for one in tiles_between(case["old"], case["new"])]

        assert found == case["tiles"]


def test_a_log_of_70000_has_the_tiles_of_the_specification() -> None:
    tiles = list(tiles_between(0, 70_000))
    full = [one for one in tiles if one.width == 256]

    assert sum(one.level == 0 for one in full) == 273
    assert [(t.level, t.width) for t in tiles if t.width < 256] == [
        (0, 112),
        (1, 17),
        (2, 1),
    ]
    assert TileId(1, 0) in full


def test_a_tile_beyond_the_log_has_no_width() -> None:
    assert tile_at(0, 2, 300).width == 0
    assert tile_at(0, 1, 300).width == 44
    assert tile_at(2, 0, 300).width == 0


def test_the_bundle_of_known_leaves_is_as_recorded() -> None:
    leaves = [leaf.encode() for leaf in TREE["leaves"]]

    raw = bundle(leaves)

    assert leaves_of(raw) == leaves
    assert raw[:2] == len(leaves[0]).to_bytes(2, "big")


@given(st.lists(st.binary(max_size=300), max_size=256))
def test_a_bundle_is_read_as_it_was_made(leaves: list[bytes]) -> None:
    assert leaves_of(bundle(leaves)) == leaves


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=9), st.data())
def test_a_bundle_that_is_cut_within_a_leaf_is_refused(
    leaves: list[bytes], data: st.DataObject
) -> None:
    raw = bundle(leaves)
    ends = {0}
    for leaf in leaves:
        ends.add(max(ends) + 2 + len(leaf))
    cut = data.draw(st.sampled_from([n for n in range(len(raw)) if n not in ends]))

    with pytest.raises(MalformedMessageError):
        leaves_of(raw[:cut])


def test_a_bundle_has_no_more_than_256_leaves() -> None:
    with pytest.raises(MalformedMessageError, match="too long"):
        leaves_of(bundle([b""] * 257))


def test_a_leaf_longer_than_16_bits_can_say_is_refused() -> None:
    assert leaves_of(bundle([bytes(65_535)])) == [bytes(65_535)]
    with pytest.raises(ValueError, match="65536 B"):
        bundle([bytes(65_536)])


def test_a_tile_has_as_many_hashes_as_its_name_says() -> None:
    with pytest.raises(MalformedMessageError, match="wanted 64"):
        hashes_of(bytes(63), 2)


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 65_535, 65_536, 65_537])
def test_an_edge_is_read_as_it_was_kept(size: int) -> None:
    edge = Edge()
    for number in range(size):
        edge.append(sha256(number.to_bytes(4, "big")).digest())

    found = Edge.decoded(edge.encoded())

    assert found.size == edge.size == size
    assert found.root() == edge.root()


@given(st.binary(max_size=120))
def test_bytes_that_are_no_edge_are_refused_as_such(raw: bytes) -> None:
    try:
        edge = Edge.decoded(raw)
    except MalformedMessageError:
        return
    assert edge.encoded() == raw


def test_a_copy_of_an_edge_grows_on_its_own() -> None:
    edge = Edge()
    edge.append(bytes(32))
    copy = edge.copy()

    copy.append(bytes(32))

    assert (edge.size, copy.size) == (1, 2)


def test_an_edge_tells_of_each_tile_that_gets_full() -> None:
    told: list[tuple[int, int]] = []
    edge = Edge(full=lambda level, hashes: told.append((level, len(hashes))))

    for _ in range(65_536):
        edge.append(bytes(32))

    assert told == [*[(0, 256)] * 256, (1, 256)]
