"""What a template may say and what is refused."""

import json
from typing import Any

import pytest

from protocol.bitcoin.coinbase import Output, Payout
from protocol.bitcoin.target import target_from_nbits
from protocol.errors import MalformedMessageError
from protocol.work.template import (
    UnknownRuleError,
    parse_template,
    work_from_template,
)

REPLY: dict[str, Any] = {
    "version": 0x20000000,
    "rules": ["csv", "!segwit", "taproot"],
    "previousblockhash": "ab" * 32,
    "transactions": [],
    "coinbasevalue": 5_000_000_000,
    "target": f"{target_from_nbits(0x207FFFFF):064x}",
    "mintime": 100,
    "curtime": 200,
    "bits": "207fffff",
    "height": 7,
    "longpollid": "x1",
}


def with_fields(**fields: Any) -> bytes:
    return json.dumps(REPLY | fields).encode()


def test_hashes_are_turned_into_internal_order() -> None:
    tx = {"data": "0102", "txid": "00" * 31 + "01", "hash": "ff" * 32, "fee": 3}

    template = parse_template(
        with_fields(previousblockhash="00" * 31 + "02", transactions=[tx])
    )

    assert template.prev_hash == b"\x02" + bytes(31)
    assert template.tip == "00" * 31 + "02"
    assert template.txids == (b"\x01" + bytes(31),)
    assert template.transactions == (b"\x01\x02",)


def test_a_harder_target_than_nbits_is_kept_and_an_easier_one_is_not() -> None:
    hard = parse_template(with_fields(target="00" * 4 + "ff" * 28))
    easy = parse_template(with_fields(target="ff" * 32))

    assert hard.target == int("ff" * 28, 16)
    assert easy.target == target_from_nbits(0x207FFFFF)


def test_a_time_before_the_first_valid_one_is_moved_to_it() -> None:
    assert parse_template(with_fields(mintime=300)).ntime == 300
    assert parse_template(with_fields()).ntime == 200


def test_a_negative_version_is_the_unsigned_field_of_the_header() -> None:
    assert parse_template(with_fields(version=-1)).version == 0xFFFFFFFF


@pytest.mark.parametrize("rule", ["!signet", "!fork2030"])
def test_a_rule_that_must_be_understood_and_is_not_is_refused(rule: str) -> None:
    with pytest.raises(UnknownRuleError, match=rule):
        parse_template(with_fields(rules=[rule]))


def test_an_unknown_rule_that_need_not_be_understood_is_fine() -> None:
    assert parse_template(with_fields(rules=["fork2030"])).height == 7


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("bits", "00000000"),
        ("bits", "ff7fffff"),
        ("target", "zz" * 32),
        ("target", "00" * 32 + "00"),
        ("previousblockhash", "ab"),
        ("height", 0),
        ("height", "7"),
        ("coinbasevalue", -1),
        ("coinbasevalue", 2_100_000_000_000_001),
        ("curtime", 1 << 32),
        ("transactions", [{"data": "0", "txid": "00" * 32}]),
        ("transactions", [{"data": "00"}]),
        ("transactions", [{"data": "00", "txid": "00" * 31}]),
        ("transactions", [{"data": "00", "txid": "zz" * 32}]),
        ("transactions", [{"data": "zz", "txid": "00" * 32}]),
        ("default_witness_commitment", "xy"),
        ("longpollid", "x" * 201),
        ("version", 1 << 32),
    ],
)
def test_a_field_out_of_its_range_is_malformed(field: str, value: Any) -> None:
    with pytest.raises(MalformedMessageError, match="block template"):
        parse_template(with_fields(**{field: value}))


def test_no_template_at_all_is_malformed() -> None:
    with pytest.raises(MalformedMessageError):
        parse_template(b"null")


def test_without_segwit_the_coinbase_carries_no_commitment() -> None:
    template = parse_template(with_fields())

    work = work_from_template(
        template, Payout(b"\x51"), source="n", source_job="1", clean=False
    )

    assert template.witness_commitment is None
    assert work.coinb2[4] == 1  # one output
    assert work.merkle_branch == ()


def test_extra_outputs_are_taken_from_the_payout_and_stand_before_the_commitment() -> (
    None
):
    payout = Payout(b"\x51", extra_outputs=(Output(1_000, b"\x52"),), tag=b"")

    work = work_from_template(
        parse_template(with_fields(default_witness_commitment="6a00")),
        payout,
        source="n",
        source_job="1",
        clean=False,
    )

    assert work.coinb2[4:-4] == (
        b"\x03"
        + (5_000_000_000 - 1_000).to_bytes(8, "little")
        + b"\x01\x51"
        + (1_000).to_bytes(8, "little")
        + b"\x01\x52"
        + bytes(8)
        + b"\x02\x6a\x00"
    )


def test_extra_outputs_above_the_reward_are_refused() -> None:
    payout = Payout(b"\x51", extra_outputs=(Output(6_000_000_000, b"\x52"),))

    with pytest.raises(ValueError, match="1000000000 sat more than 5000000000"):
        work_from_template(
            parse_template(with_fields()),
            payout,
            source="n",
            source_job="1",
            clean=False,
        )
