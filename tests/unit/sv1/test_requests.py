"""What a line of a miner asks for, in every spelling that firmware has."""

import json
from typing import Any

import pytest

from protocol.errors import MalformedMessageError
from protocol.sv1.messages import (
    MAX_WORKER_CHARS,
    Authorize,
    Configure,
    OtherRequest,
    Submit,
    Subscribe,
    SuggestDifficulty,
    read_request,
)
from protocol.units import Difficulty

GOOD = ["w", "1", "00000000", "6553f100", "7"]


def read(method: str, *params: Any, id: Any = 1) -> Any:  # noqa: A002
    message = {"id": id, "method": method, "params": list(params)}
    return read_request(json.dumps(message).encode())


def test_a_share_is_read() -> None:
    request = read("mining.submit", *GOOD, "1fffe000")

    assert isinstance(request, Submit)
    assert request.share is not None
    assert (request.share.nonce, request.share.ntime) == (7, 0x6553F100)
    assert request.share.extranonce2 == bytes(4)


@pytest.mark.parametrize(
    "params",
    [
        [*GOOD, None],
        [*GOOD, None, None],
        ["w", "1", "00000000", 0x6553F100, 7],
        [*GOOD, ""],
    ],
)
def test_numbers_and_nulls_of_some_clients_are_understood(params: list[Any]) -> None:
    assert read("mining.submit", *params).share == read("mining.submit", *GOOD).share


@pytest.mark.parametrize(
    "params",
    [
        [],
        GOOD[:4],
        [*GOOD, "1fffe000", "x"],
        ["w" * (MAX_WORKER_CHARS + 1), *GOOD[1:]],
        ["w", "1" * 17, *GOOD[2:]],
        ["w", "1", "0", *GOOD[3:]],
        ["w", "1", "00000000", "+6553f10", "7"],
        ["w", "1", "00000000", "6553f100", "123456789"],
        ["w", "1", "00000000", True, "7"],
        ["w", "1", "00000000", -1, "7"],
    ],
)
def test_what_is_no_share_is_none(params: list[Any]) -> None:
    assert read("mining.submit", *params).share is None


@pytest.mark.parametrize(
    ("params", "user_agent"),
    [([], ""), (["cgminer/4.9"], "cgminer/4.9"), ([None], ""), ([7], "7")],
)
def test_a_subscription_may_say_who_it_is(params: list[Any], user_agent: str) -> None:
    assert read("mining.subscribe", *params) == Subscribe(b"1", user_agent)


@pytest.mark.parametrize(
    ("params", "worker"),
    [(["w", "x"], "w"), ([], None), ([""], None), ([7], None), (["a\nb"], None)],
)
def test_a_worker_has_a_printable_name(params: list[Any], worker: str | None) -> None:
    request = read("mining.authorize", *params)

    assert isinstance(request, Authorize)
    assert request.worker == worker


@pytest.mark.parametrize(
    ("method", "params", "difficulty"),
    [
        ("mining.suggest_difficulty", [8], 8.0),
        ("mining.suggest_difficulty", ["8"], 8.0),
        ("mining.suggest_difficulty(8)", [], 8.0),
        ("mining.suggest_difficulty", [], None),
        ("mining.suggest_difficulty", [True], None),
        ("mining.suggest_difficulty", ["much"], None),
        ("mining.suggest_difficulty", [0], None),
        ("mining.suggest_target", [f"{0xFFFF << 208:064x}"], 1.0),
        ("mining.suggest_target", ["0"], None),
        ("mining.suggest_target", ["g"], None),
        ("mining.suggest_target", ["f" * 67], None),
        ("mining.suggest_target", [], None),
    ],
)
def test_a_difficulty_may_be_suggested(
    method: str, params: list[Any], difficulty: float | None
) -> None:
    request = read(method, *params)

    assert isinstance(request, SuggestDifficulty)
    assert request.difficulty == difficulty


ROLLING = "version-rolling"


@pytest.mark.parametrize(
    ("params", "mask", "minimum"),
    [
        ([[ROLLING], {f"{ROLLING}.mask": "1fffe000"}], 0x1FFFE000, None),
        ([[ROLLING], {f"{ROLLING}.mask": "no"}], 0, None),
        ([[ROLLING], {f"{ROLLING}.mask": 7}], 0, None),
        ([[ROLLING]], 0xFFFFFFFF, None),
        ([["minimum-difficulty"], {"minimum-difficulty.value": 4}], None, 4.0),
        ([[7]], None, None),
        ([], None, None),
        ([{}, []], None, None),
    ],
)
def test_extensions_are_asked_for(
    params: list[Any], mask: int | None, minimum: float | None
) -> None:
    request = read("mining.configure", *params)

    assert isinstance(request, Configure)
    assert (request.mask, request.minimum_difficulty) == (mask, minimum)


def test_another_method_is_named_and_no_more() -> None:
    assert read("mining.ping") == OtherRequest(b"1", "mining.ping")


def test_params_that_are_no_list_are_one() -> None:
    line = b'{"id":1,"method":"mining.suggest_difficulty","params":8}'

    assert read_request(line) == SuggestDifficulty(b"1", Difficulty(8.0))


@pytest.mark.parametrize(
    "line", [b"", b"{", b"[]", b'{"id":[1],"method":"x"}', b'{"id":{},"method":"x"}']
)
def test_what_is_no_request_is_an_error(line: bytes) -> None:
    with pytest.raises(MalformedMessageError):
        read_request(line)


def test_a_long_id_is_an_error() -> None:
    with pytest.raises(MalformedMessageError, match="short string"):
        read("x", id="y" * 64)
