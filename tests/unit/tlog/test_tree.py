"""Trees: every vector, and every proof between two small sizes."""

import pytest

from protocol.tlog.tile import Edge, TileId, hashes_of
from protocol.tlog.tree import (
    EMPTY_ROOT,
    Frontier,
    ProofError,
    check_consistency,
    check_inclusion,
    consistency,
    inclusion,
    leaf_hash,
    range_hash,
)
from tests.oversight_vectors import MemoryTree, vectors

VECTORS = vectors("tree")
FILES = VECTORS["files_of_size_300"]
LEAVES = [
    *hashes_of(bytes.fromhex(FILES[TileId(0, 0).path]), 256),
    *hashes_of(bytes.fromhex(FILES[TileId(0, 1, 44).path]), 44),
]
TREE = MemoryTree(LEAVES)
ROOTS = [range_hash(0, n, TREE.at) for n in range(len(LEAVES) + 1)]


def test_the_eight_leaves_of_certificate_transparency_have_their_known_root() -> None:
    leaves = [bytes.fromhex(one) for one in VECTORS["rfc6962"]["leaves_hex"]]
    tree = MemoryTree([leaf_hash(one) for one in leaves])

    assert range_hash(0, 8, tree.at).hex() == VECTORS["rfc6962"]["root_hex"]


def test_an_empty_tree_has_the_hash_of_nothing() -> None:
    assert EMPTY_ROOT.hex() == VECTORS["empty_root_hex"]
    assert range_hash(0, 0, TREE.at) == EMPTY_ROOT


def test_leaves_and_roots_are_as_recorded() -> None:
    hashes = [leaf_hash(leaf.encode()).hex() for leaf in VECTORS["leaves"]]

    assert hashes == VECTORS["leaf_hashes_hex"]
    assert hashes == [one.hex() for one in LEAVES[:8]]
    assert {n: ROOTS[int(n)].hex() for n in VECTORS["roots_hex"]} == VECTORS[
        "roots_hex"
    ]


def test_inclusion_proofs_are_as_recorded() -> None:
    for case in VECTORS["inclusion"]:
        proof = inclusion(case["index"], case["size"], TREE.at)

        assert [one.hex() for one in proof] == case["proof_hex"]
        assert LEAVES[case["index"]].hex() == case["leaf_hash_hex"]


def test_consistency_proofs_are_as_recorded() -> None:
    for case in VECTORS["consistency"]:
        proof = consistency(case["old"], case["size"], TREE.at)

        assert [one.hex() for one in proof] == case["proof_hex"]


def test_every_leaf_of_every_size_up_to_300_is_proven_and_no_other() -> None:
    for size in range(1, 301):
        for index in range(size):
            proof = inclusion(index, size, TREE.at)
            check_inclusion(index, size, LEAVES[index], proof, ROOTS[size])
        last = inclusion(size - 1, size, TREE.at)
        with pytest.raises(ProofError):
            check_inclusion(size - 1, size, LEAVES[size % 300], last, ROOTS[size])


def test_every_size_up_to_300_is_proven_to_begin_with_every_smaller_one() -> None:
    for size in range(301):
        for old in range(size + 1):
            proof = consistency(old, size, TREE.at)
            check_consistency(old, size, proof, ROOTS[old], ROOTS[size])


def test_a_proof_shows_nothing_about_another_tree() -> None:
    for old, size in ((1, 2), (3, 7), (128, 300), (255, 256), (7, 300)):
        proof = consistency(old, size, TREE.at)
        wrong = [*proof[:-1], LEAVES[77]]
        for bad in ([], wrong, [*proof, LEAVES[0]], proof[:-1]):
            with pytest.raises(ProofError):
                check_consistency(old, size, bad, ROOTS[old], ROOTS[size])
        with pytest.raises(ProofError):
            check_consistency(old, size, proof, ROOTS[old + 1], ROOTS[size])
        with pytest.raises(ProofError):
            check_consistency(old, size, proof, ROOTS[old], ROOTS[size - 1])


@pytest.mark.parametrize(
    ("old", "size", "proof"),
    [(5, 4, []), (4, 4, [EMPTY_ROOT]), (0, 4, [EMPTY_ROOT]), (-1, 4, [])],
)
def test_a_proof_of_what_needs_none_or_cannot_be_is_refused(
    old: int, size: int, proof: list[bytes]
) -> None:
    with pytest.raises(ProofError):
        check_consistency(old, size, proof, ROOTS[old], ROOTS[size])


def test_one_size_has_one_root() -> None:
    with pytest.raises(ProofError, match="two roots"):
        check_consistency(4, 4, [], ROOTS[4], ROOTS[5])


def test_no_proof_is_made_of_what_is_not_there() -> None:
    with pytest.raises(ValueError, match="no leaf 3"):
        inclusion(3, 3, TREE.at)
    with pytest.raises(ValueError, match="does not begin"):
        consistency(4, 3, TREE.at)


def test_a_frontier_and_an_edge_come_to_the_same_roots() -> None:
    frontier, edge = Frontier(), Edge()
    for size, leaf in enumerate(LEAVES, 1):
        frontier.append(leaf)
        edge.append(leaf)

        assert frontier.root() == edge.root() == ROOTS[size]
        assert frontier.size == edge.size == size


def test_a_frontier_takes_whole_tiles() -> None:
    frontier = Frontier()
    frontier.append(range_hash(0, 256, TREE.at), 8)
    for leaf in LEAVES[256:]:
        frontier.append(leaf)

    assert frontier.root() == ROOTS[300]
    with pytest.raises(ValueError, match="no subtree of level 8"):
        frontier.append(EMPTY_ROOT, 8)
