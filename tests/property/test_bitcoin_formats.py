"""Round trips of Bitcoin's formats, checked against python-bitcoinlib."""

from io import BytesIO

from bitcoin.core import CTransaction
from bitcoin.core.script import CScript
from bitcoin.core.serialize import VarIntSerializer
from hypothesis import given
from hypothesis import strategies as st

from protocol.bitcoin.address import AddressError, script_of_address, segwit_address
from protocol.bitcoin.block import assemble_block
from protocol.bitcoin.coinbase import (
    Output,
    height_in_coinbase,
    height_push,
    split_coinbase,
)
from protocol.bitcoin.header import pack_header, parse_header
from protocol.bitcoin.network import ADDRESS_FORMS, Network
from protocol.bitcoin.serialize import compact_size, push
from protocol.errors import RemoteError
from protocol.work.template import parse_template

u32 = st.integers(0, 0xFFFFFFFF)
hash256 = st.binary(min_size=32, max_size=32)
programs = st.one_of(
    st.tuples(st.just(0), st.sampled_from([20, 32])),
    st.tuples(st.integers(1, 16), st.integers(2, 40)),
).flatmap(
    lambda form: st.tuples(
        st.just(form[0]), st.binary(min_size=form[1], max_size=form[1])
    )
)


@given(st.integers(0, 0xFFFFFFFFFFFFFFFF))
def test_a_compact_size_reads_back_as_the_number(number: int) -> None:
    assert VarIntSerializer.stream_deserialize(BytesIO(compact_size(number))) == number


@given(st.tuples(u32, hash256, hash256, u32, u32, u32))
def test_a_header_round_trips(
    fields: tuple[int, bytes, bytes, int, int, int],
) -> None:
    packed = pack_header(*fields)

    assert len(packed) == 80
    assert parse_header(packed).packed == packed


@given(st.integers(1, 0x7FFFFFFF))
def test_a_height_is_pushed_as_a_script_number(height: int) -> None:
    assert height_push(height) == bytes(CScript([height]))


@given(st.binary(min_size=2, max_size=255))
def test_a_push_is_that_of_core(data: bytes) -> None:
    assert push(data) == bytes(CScript([data]))


@given(
    st.integers(1, 0x7FFFFFFF),
    st.lists(
        st.builds(Output, st.integers(0, 2**50), st.binary(max_size=300)), max_size=5
    ),
    st.binary(max_size=40),
    st.integers(1, 32),
)
def test_every_coinbase_is_a_coinbase_to_core(
    height: int, outputs: list[Output], tag: bytes, hole: int
) -> None:
    coinb1, coinb2 = split_coinbase(
        height,
        tuple(outputs),
        commitment=b"\x6a",
        tag=tag,
        extranonce_bytes=hole,
    )

    transaction = CTransaction.deserialize(coinb1 + bytes(hole) + coinb2)

    assert transaction.is_coinbase()
    assert len(transaction.vout) == len(outputs) + 1
    assert 2 <= len(transaction.vin[0].scriptSig) <= 100
    assert height_in_coinbase(coinb1) == height


@given(st.binary(max_size=120))
def test_any_bytes_hold_a_height_or_none(data: bytes) -> None:
    height = height_in_coinbase(data)

    assert height is None or 0 <= height < 1 << 40


@given(st.sampled_from(Network), programs)
def test_a_segwit_address_round_trips(
    network: Network, program: tuple[int, bytes]
) -> None:
    version, data = program
    address = segwit_address(ADDRESS_FORMS[network].hrp, version, data)

    script = script_of_address(address, network)

    assert script[0] == (version + 0x50 if version else 0)
    assert script[1:] == bytes((len(data),)) + data


@given(programs, st.data())
def test_one_wrong_character_is_always_noticed(
    program: tuple[int, bytes], data: st.DataObject
) -> None:
    address = segwit_address("bc", *program)
    at = data.draw(st.integers(3, len(address) - 1))
    letter = data.draw(
        st.sampled_from("qpzry9x8gf2tvdw0s3jn54khce6mua7l").filter(
            lambda c: c != address[at]
        )
    )

    try:
        script_of_address(address[:at] + letter + address[at + 1 :], Network.MAIN)
    except AddressError:
        return
    raise AssertionError("a broken address was taken")


@given(st.text(max_size=95))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        script = script_of_address(text, Network.MAIN)
    except AddressError:
        return
    assert script


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_any_bytes_are_a_template_or_a_remote_error(data: bytes) -> None:
    try:
        parse_template(data)
    except RemoteError:
        return


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=300))
def test_a_block_counts_its_transactions(transactions: list[bytes]) -> None:
    block = assemble_block(bytes(80), bytes(20), transactions, has_witness=False)

    stream = BytesIO(block[80:])
    assert VarIntSerializer.stream_deserialize(stream) == 1 + len(transactions)
    assert stream.read() == bytes(20) + b"".join(transactions)
