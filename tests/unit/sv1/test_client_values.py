"""What a pool may send and what costs it the connection."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from protocol.errors import MalformedMessageError
from protocol.sv1 import pool_messages
from protocol.sv1.pool_lines import echoed_id, read_line
from protocol.sv1.pool_messages import (
    read_configured,
    read_difficulty,
    read_extranonce,
    read_mask,
    read_notify,
    read_reconnect,
    read_subscription,
)
from protocol.sv1.pool_refusals import read_refusal, words_of
from protocol.work.job import MAX_COINB1_BYTES, MAX_COINB2_BYTES
from protocol.work.pool_events import ShareRefusal
from protocol.work.refusal import MAX_TEXT_CHARS, Refusal
from tests.builders import DEEP_JSON

NOTIFY: list[Any] = [
    "bf", "0" * 64, "0100", "ffff", [], "20000000", "1d00ffff", "57478db3", True,
]  # fmt: skip
JOB, PREV_HASH, COINB1, COINB2, BRANCH, VERSION, NBITS, NTIME, CLEAN = range(9)


def raw(value: Any) -> Raw:
    return Raw(json.dumps(value).encode())


def notify_with(index: int, value: Any) -> Raw:
    return raw([*NOTIFY[:index], value, *NOTIFY[index + 1 :]])


@pytest.mark.parametrize(
    ("index", "value"),
    [
        (JOB, "j" * 129),
        (JOB, None),
        (PREV_HASH, "0" * 62),
        (PREV_HASH, "0" * 66),
        (PREV_HASH, "g" * 64),
        (PREV_HASH, " " * 2 + "0" * 62),
        (COINB1, "0"),
        (COINB1, "zz"),
        (COINB1, "00" * (MAX_COINB1_BYTES + 1)),
        (COINB2, "0 0"),
        (COINB2, "00" * (MAX_COINB2_BYTES + 1)),
        (BRANCH, ["00" * 32] * 33),
        (BRANCH, ["00" * 31]),
        (BRANCH, [None]),
        (BRANCH, "00"),
        (VERSION, "200000000"),
        (VERSION, "-1"),
        (VERSION, ""),
        (NBITS, "00000000"),
        (NBITS, "1d80ffff"),
        (NBITS, "ff00ffff"),
        (NTIME, "1_0"),
        (NTIME, 1),
    ],
)
def test_a_job_with_one_bad_field_is_malformed(index: int, value: Any) -> None:
    with pytest.raises(MalformedMessageError):
        read_notify(notify_with(index, value))


def test_a_coinbase_that_is_too_long_is_refused_with_its_reason() -> None:
    with pytest.raises(MalformedMessageError, match=r"65488 B before .* > 65487 B"):
        read_notify(notify_with(COINB1, "00" * (MAX_COINB1_BYTES + 1)))
    with pytest.raises(MalformedMessageError, match=r"65536 B after .* > 65535 B"):
        read_notify(notify_with(COINB2, "00" * (MAX_COINB2_BYTES + 1)))


@pytest.mark.parametrize(
    ("index", "value"),
    [
        (COINB1, "00" * MAX_COINB1_BYTES),
        (COINB2, "00" * MAX_COINB2_BYTES),
        (BRANCH, ["00" * 32] * 32),
        (PREV_HASH, "AB" * 32),
        (VERSION, "4"),
        (JOB, "j" * 128),
        (JOB, "ü"),
    ],
)
def test_a_job_at_the_limits_is_taken(index: int, value: Any) -> None:
    assert read_notify(notify_with(index, value)).ntime == 0x57478DB3


def test_a_job_may_have_more_parameters_than_nine_but_not_less_than_eight() -> None:
    assert read_notify(raw([*NOTIFY, "more"])).clean
    assert not read_notify(raw(NOTIFY[:8])).clean
    with pytest.raises(MalformedMessageError):
        read_notify(raw(NOTIFY[:7]))


@given(st.binary(min_size=32, max_size=32))
def test_words_of_a_previous_hash_are_swapped(prev_hash: bytes) -> None:
    words = [prev_hash[i : i + 4][::-1] for i in range(0, 32, 4)]

    notify = read_notify(notify_with(PREV_HASH, b"".join(words).hex()))

    assert notify.prev_hash == prev_hash


@pytest.mark.parametrize(
    "text",
    [
        b"[0]",
        b"[-1]",
        b"[NaN]",
        b"[Infinity]",
        b"[1e31]",
        b"[1e400]",
        b"[true]",
        b'["1"]',
        b"[]",
        b"[null]",
        b"{}",
        b"[1e-400]",
        b"[1" + b"0" * 400 + b"]",
    ],
)
def test_a_difficulty_that_is_no_sane_number_is_malformed(text: bytes) -> None:
    with pytest.raises(MalformedMessageError):
        read_difficulty(Raw(text))


@pytest.mark.parametrize("value", [1, 0.00015, 1e30, 5e-324, 65536.5])
def test_any_other_difficulty_is_taken(value: float) -> None:
    assert read_difficulty(raw([value])) == value


@pytest.mark.parametrize(
    "value",
    [
        ["00" * 33, 8],
        ["0", 8],
        ["gg", 8],
        ["00", 17],
        ["00", -1],
        ["00", True],
        ["00", 4.5],
        [None, 8],
        ["00"],
        [],
        ["0 0 ", 8],
    ],
)
def test_an_extranonce_out_of_range_is_malformed(value: list[Any]) -> None:
    with pytest.raises(MalformedMessageError):
        read_extranonce(raw(value))
    with pytest.raises(MalformedMessageError):
        read_subscription(raw([[], *value]))


@pytest.mark.parametrize(
    "subscriptions",
    [[], None, ["mining.notify", "1"], [["mining.notify", "1"], ["x", "y"]], "?"],
)
def test_the_list_of_subscriptions_may_be_anything(subscriptions: Any) -> None:
    found = read_subscription(raw([subscriptions, "6c6f010000000c", 4]))

    assert (found.extranonce1.hex(), found.extranonce2_size) == ("6c6f010000000c", 4)


def test_the_agreed_mask_is_what_both_sides_want() -> None:
    result = raw({"version-rolling": True, "version-rolling.mask": "FFFF0000"})

    assert read_configured(result, 0x1FFFE000) == 0x1FFF0000
    assert read_configured(raw({"version-rolling": True}), 0xE000) == 0xE000


@pytest.mark.parametrize("mask", ["", "1fffe0000", "0x10", "-1", "no"])
def test_a_mask_that_is_no_hex_number_is_malformed(mask: str) -> None:
    with pytest.raises(MalformedMessageError):
        read_mask(raw([mask]))
    with pytest.raises(MalformedMessageError):
        read_configured(raw({"version-rolling": True, "version-rolling.mask": mask}), 0)


@pytest.mark.parametrize(
    "params",
    [
        ["h", 65536],
        ["h", -1],
        ["h", "x"],
        ["h", 1, -1],
        ["h", 1, "inf"],
        ["h", 1, "nan"],
        ["h", 1, "x"],
        ["a/b", 1],
        ["a..b", 1],
        ["h" * 256, 1],
        [1, 2],
        ["é", 1],
        ["h", "9" * 5000],
    ],
)
def test_a_reconnect_to_nowhere_is_malformed(params: list[Any]) -> None:
    with pytest.raises(MalformedMessageError):
        read_reconnect(raw(params))


@pytest.mark.parametrize(
    "line",
    [
        b"[]",
        b"1",
        b'"Invalid JSON, disconnecting"',
        b"{",
        b'{"method":1}',
        b"\xff",
        b'{"method":"\xff"}',
        b'{"method":"\\ud800"}',
        b'{"params":' + b"[" * 100_000,
        b'{"id":1,"params":NaN}',
    ],
)
def test_a_line_that_is_no_message_is_malformed(line: bytes) -> None:
    with pytest.raises(MalformedMessageError):
        read_line(line)


@pytest.mark.parametrize("spelled", [b"[1]", b'{"a":1}', b'"' + b"x" * 63 + b'"'])
def test_an_id_that_cannot_be_echoed_asks_for_no_answer(spelled: bytes) -> None:
    assert echoed_id(Raw(spelled)) == b"null"


def test_a_message_for_people_is_cut_and_made_printable() -> None:
    text = words_of(raw(["\x00" + "a" * 1000]))

    assert text == "?" + "a" * (MAX_TEXT_CHARS - 1)


@pytest.mark.parametrize(
    ("spelled", "text"),
    [
        (b'["\xc4\xe3\xba\xc3"]', "\ufffd" * 3),  # GB 18030
        (b'["caf\xe9 closed"]', "caf\ufffd closed"),  # Latin-1
        (b'["\\ud800"]', '["\\ud800"]'),
        (b'["\xf0\x9f"]', "\ufffd"),
        (b"[5]", "5"),
        (b"[1e999]", "1e999"),
        (b"[" + b"1" * 5000 + b"]", "1" * MAX_TEXT_CHARS),
        (b"[null]", ""),
        (b"[]", ""),
        (b"null", ""),
        (b'"restart at noon"', "restart at noon"),
        (b'{"text":"x"}', '{"text":"x"}'),
        (b'["a","b"]', "a"),
        (DEEP_JSON, "[" * MAX_TEXT_CHARS),
    ],
    ids=lambda value: str(value)[:24],
)
def test_a_message_for_people_may_be_anything(spelled: bytes, text: str) -> None:
    assert words_of(Raw(spelled)) == text


@pytest.mark.parametrize(
    ("error", "refusal"),
    [
        (b'[21,"caf\xe9 stale",null]', Refusal(21, "caf\ufffd stale")),
        (b'[23,"\xff\xfe",null]', Refusal(23, "\ufffd\ufffd")),
        (b"[22,5,null]", Refusal(22, "5")),
        (b"[24,null,null]", Refusal(24, "")),
        (b'{"code":21,"message":"\xe9"}', Refusal(21, "\ufffd")),
        (b'{"code":21,"message":{"a":1}}', Refusal(21, '{"a":1}')),
        (b'"\xe9"', Refusal(None, "\ufffd")),
        (b'["no","\xe9"]', Refusal(None, "\ufffd")),
        (b"5", Refusal(None, "5")),
    ],
    ids=lambda value: str(value)[:24],
)
def test_words_that_cannot_be_read_do_not_cost_the_code(
    error: bytes, refusal: Refusal
) -> None:
    assert read_refusal(Raw(error), raw(None)) == refusal


@pytest.mark.parametrize(
    ("clean", "is_clean"),
    [(True, True), (1, True), (False, False), (0, False), (None, False),
     ("true", False), ([], False)],
)  # fmt: skip
def test_clean_jobs_may_be_spelled_as_cgminer_takes_it(
    clean: Any,
    is_clean: bool,  # noqa: FBT001
) -> None:
    assert read_notify(notify_with(CLEAN, clean)).clean is is_clean


def test_a_branch_of_null_is_an_empty_one() -> None:
    assert read_notify(notify_with(BRANCH, None)).merkle_branch == ()


@pytest.mark.parametrize(
    ("error", "refusal"),
    [
        ([21, "Invalid JobID", None], ShareRefusal.STALE),
        ([21, "Stale", None], ShareRefusal.STALE),
        ([21, "time-too-old", None], ShareRefusal.OTHER),
        ([20, "unknown-work", None], ShareRefusal.STALE),
        ([21, "stale-prevblk", None], ShareRefusal.STALE),
        ([2, "stale", None], ShareRefusal.STALE),
        ([22, "", None], ShareRefusal.DUPLICATE),
        ([4, "duplicate", None], ShareRefusal.DUPLICATE),
        ("Above target", ShareRefusal.LOW_DIFFICULTY),
        ([23, "high-hash", None], ShareRefusal.LOW_DIFFICULTY),
        ([23, "H-not-zero"], ShareRefusal.LOW_DIFFICULTY),
        ([23, "bad-version"], ShareRefusal.OTHER),
        ([20, "Low difficulty share of job 5"], ShareRefusal.LOW_DIFFICULTY),
        ({"code": 24, "message": "Unauthorized worker"}, ShareRefusal.UNAUTHORIZED),
        ([24], ShareRefusal.UNAUTHORIZED),
        ([20, "Ntime out of range", None], ShareRefusal.OTHER),
        ([20, "Invalid nonce2 length"], ShareRefusal.OTHER),
        ([25, "not subscribed"], ShareRefusal.OTHER),
        ([None, None, None], ShareRefusal.OTHER),
        (["21", "gone"], ShareRefusal.OTHER),
        ([21.0, "gone"], ShareRefusal.STALE),
        ([True, "gone"], ShareRefusal.OTHER),
        ([1e300, ["x"]], ShareRefusal.OTHER),
        ({}, ShareRefusal.OTHER),
        (7, ShareRefusal.OTHER),
    ],
)
def test_a_refusal_is_told_by_words_before_codes(
    error: Any, refusal: ShareRefusal
) -> None:
    assert read_refusal(raw(error), raw(None)).of_share is refusal


def test_a_reason_beside_the_error_is_read_too() -> None:
    refusal = read_refusal(raw(None), raw("Above target"))

    assert refusal.of_share is ShareRefusal.LOW_DIFFICULTY
    assert refusal.text == "Above target"


def test_limits_are_those_of_the_wire() -> None:
    assert pool_messages.MAX_EXTRANONCE1_BYTES == 32  # SV2 has the same
    assert pool_messages.MAX_EXTRANONCE2_BYTES == 16


def test_a_job_that_a_pool_sends_to_many_connections_is_read_once() -> None:
    first, again = read_notify(raw(NOTIFY)), read_notify(raw(NOTIFY))

    assert first is again
    assert read_notify(notify_with(JOB, "c0")).source_job == "c0"
