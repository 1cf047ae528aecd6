"""From a real template over job and share to a block that Bitcoin Core accepted."""

import json
from pathlib import Path
from typing import Any

from protocol.bitcoin.address import script_of_address
from protocol.bitcoin.block import assemble_block
from protocol.bitcoin.coinbase import Payout
from protocol.bitcoin.hashes import sha256d
from protocol.bitcoin.header import pack_header, parse_header
from protocol.bitcoin.merkle import root_from_branch
from protocol.bitcoin.network import Network
from protocol.bitcoin.target import MAX_TARGET, target_from_nbits
from protocol.units import Difficulty
from protocol.work.job import Work
from protocol.work.template import (
    UNBOUND_DIFFICULTY,
    Template,
    parse_template,
    work_from_template,
)
from protocol.work.version_rolling import roll_version

_VECTORS = Path(__file__).parents[2] / "vectors" / "protocol_vectors.json"
A5: dict[str, Any] = next(
    vector
    for vector in json.loads(_VECTORS.read_text())["sv1"]
    if vector["name"].startswith("A5")
)
ADDRESS = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
PAYOUT = Payout(script_of_address(ADDRESS, Network.REGTEST))


def a5_template() -> Template:
    target = f"{target_from_nbits(0x207FFFFF):064x}"
    return parse_template(json.dumps(A5["gbt"] | {"target": target}).encode())


def a5_work(*, binds: bool = True, minimum: float = 0.0) -> Work:
    return work_from_template(
        a5_template(),
        PAYOUT,
        source="core",
        source_job="1",
        clean=True,
        difficulty_binds=binds,
        min_block_difficulty=Difficulty(minimum),
    )


def a5_coinbase(work: Work) -> bytes:
    extranonce = bytes.fromhex(A5["extranonce1"] + A5["submit"][2])
    return work.coinb1 + extranonce + work.coinb2


def a5_header(work: Work) -> bytes:
    _, _, _, ntime, nonce, bits = A5["submit"]
    version = roll_version(work.version, int(bits, 16), work.version_mask)
    root = root_from_branch(sha256d(a5_coinbase(work)), work.merkle_branch)
    assert version is not None
    return pack_header(
        version, work.prev_hash, root, int(ntime, 16), work.nbits, int(nonce, 16)
    )


def test_the_work_is_the_notify_of_the_vector() -> None:
    _, _, coinb1, coinb2, branch, version, nbits, ntime, clean = A5["notify"]

    work = a5_work()

    assert (work.coinb1.hex(), work.coinb2.hex()) == (coinb1, coinb2)
    assert [sibling.hex() for sibling in work.merkle_branch] == branch
    assert (work.version, work.nbits) == (int(version, 16), int(nbits, 16))
    assert (work.ntime, work.clean) == (int(ntime, 16), clean)
    assert work.prev_hash[::-1].hex() == A5["expect"]["prevhash_display"]
    assert work.max_ntime == work.ntime + 7200
    assert (work.extranonce1, work.extranonce2_size) == (b"", 12)


def test_the_header_of_the_share_is_that_of_the_vector() -> None:
    work = a5_work()

    header = a5_header(work)

    assert header.hex() == A5["expect"]["header"]
    assert sha256d(header)[::-1].hex() == A5["expect"]["hash_display"]
    assert parse_header(header).packed == header
    assert parse_header(header).root.hex() == A5["expect"]["merkle_root_internal"]


def test_the_block_is_the_one_that_the_kernel_took_byte_for_byte() -> None:
    work = a5_work()

    block = assemble_block(
        a5_header(work), a5_coinbase(work), a5_template().transactions
    )

    assert block.hex() == A5["block"]
    assert sha256d(block).hex() == (
        "3eaffc6591003def4b0ca4aabb8b82e6052c4f7cb1d577ae811c4ba60610ac97"
    )


def test_the_networks_difficulty_is_the_sources_unless_it_does_not_bind() -> None:
    bound, free = a5_work(), a5_work(binds=False)

    assert bound.target == bound.block_target == target_from_nbits(0x207FFFFF)
    assert bound.difficulty == A5["expect"]["network_difficulty"]
    assert (free.target, free.difficulty) == (MAX_TARGET, UNBOUND_DIFFICULTY)
    assert free.block_target == target_from_nbits(0x207FFFFF)


def test_a_minimum_block_difficulty_makes_blocks_rarer_but_never_easier() -> None:
    assert a5_work(minimum=1.0).block_target == 0xFFFF << 208
    assert a5_work(minimum=1e-12).block_target == target_from_nbits(0x207FFFFF)
