"""How a conversation with a pool goes: order, timeouts, what takes effect when."""

import json
from typing import Any

import pytest

from protocol.errors import LineTooLongError, MalformedMessageError
from protocol.sv1.client import (
    MAX_LINE_BYTES,
    ClientSession,
)
from protocol.sv1.pool_answers import SubscriptionRefusedError
from protocol.units import Difficulty, HashesPerSecond, Seconds
from protocol.work.pool_events import (
    AuthorizationRefused,
    Authorized,
    ExtranonceChanged,
    MaskChanged,
    MessageShown,
    PoolEvent,
    ReconnectAsked,
    ShareAnswered,
    ShareRefusal,
    Subscribed,
    WorkReceived,
)
from tests.received import received

NOTIFY: list[Any] = [
    "bf", "00000001" + "0" * 56, "0100", "ffff", ["ab" * 32],
    "20000000", "1d00ffff", "57478db3", True,
]  # fmt: skip


def a_session() -> ClientSession:
    return ClientSession("main", 7, "acme.site", "x", "Baseload/test")


def tell(session: ClientSession, *messages: dict[str, Any]) -> list[PoolEvent]:
    lines = b"".join(json.dumps(message).encode() + b"\n" for message in messages)
    return list(received(session, lines))


def notification(method: str, *params: Any) -> dict[str, Any]:
    return {"id": None, "method": method, "params": list(params)}


def answer(message_id: Any, result: Any, error: Any = None) -> dict[str, Any]:
    return {"id": message_id, "result": result, "error": error}


def sent(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in data.splitlines()]


def rolling(mask: str = "1fffe000") -> dict[str, Any]:
    return {"version-rolling": True, "version-rolling.mask": mask}


def a_ready_session(mask: str = "1fffe000") -> ClientSession:
    session = a_session()
    session.start()
    tell(
        session,
        answer(1, rolling(mask)),
        answer(2, [[], "0a0b", 8]),
        answer(3, True),
    )
    session.outgoing()
    return session


def work_of(events: list[PoolEvent]) -> list[Any]:
    return [event.work for event in events if isinstance(event, WorkReceived)]


def test_configure_is_the_first_thing_said() -> None:
    first = sent(a_session().start())

    assert [m["method"] for m in first] == ["mining.configure"]
    assert first[0]["params"][0] == ["version-rolling", "subscribe-extranonce"]
    assert first[0]["params"][1]["version-rolling.mask"] == "1fffe000"


def test_the_handshake_goes_step_by_step_with_increasing_integer_ids() -> None:
    session = a_session()
    session.start()

    events = tell(session, answer(1, rolling("00ffe000")))
    subscribe = sent(session.outgoing())
    events += tell(session, answer(2, [[["mining.notify", "1"]], "0a0b0c0d", 8]))
    authorize = sent(session.outgoing())
    events += tell(session, answer(3, True))

    assert subscribe == [
        {"id": 2, "method": "mining.subscribe", "params": ["Baseload/test"]}
    ]
    assert authorize == [
        {"id": 3, "method": "mining.authorize", "params": ["acme.site", "x"]}
    ]
    assert events == [Subscribed(bytes.fromhex("0a0b0c0d"), 8, 0xFFE000), Authorized()]
    assert session.is_authorized


def test_another_extranonce_is_asked_for_once_authorised() -> None:
    session = a_session()
    session.start()
    tell(session, answer(1, rolling()), answer(2, [[], "0a0b", 8]))
    session.outgoing()
    tell(session, answer(3, True))
    asked = sent(session.outgoing())
    events = tell(
        session,
        answer(4, None, [20, "Not supported.", None]),
        notification("mining.notify", *NOTIFY),
    )

    assert asked == [{"id": 4, "method": "mining.extranonce.subscribe", "params": []}]
    assert len(work_of(events)) == 1


def test_who_is_not_authorised_asks_for_nothing_more() -> None:
    session = a_session()
    session.start()
    tell(session, answer(1, rolling()), answer(2, [[], "0a0b", 8]))
    session.outgoing()
    tell(session, answer(3, False))

    assert session.outgoing() == b""
    assert session.tell_size(HashesPerSecond(1e18), Seconds(0.0)) == b""


@pytest.mark.parametrize(
    ("rate", "number"), [(1e18, 134217728), (1e6, 0.0001220703125)]
)
def test_the_pool_is_told_our_size_as_a_whole_number_above_one(
    rate: float, number: float
) -> None:
    session = a_ready_session()
    [line] = sent(session.tell_size(HashesPerSecond(rate), Seconds(0.0)))

    assert line["method"] == "mining.suggest_difficulty"
    assert line["params"] == [number]
    assert isinstance(line["params"][0], type(number))


@pytest.mark.parametrize("result", [True, None, False])
def test_a_pool_may_answer_a_suggestion_as_it_likes(result: Any) -> None:
    session = a_ready_session()
    [line] = sent(session.tell_size(HashesPerSecond(1e18), Seconds(0.0)))
    submit, _ = session.submit("a", "bf", b"", 0, 0, None)
    error = None if result else [20, "unknown", None]
    tell(session, answer(line["id"], result, error))

    assert tell(session, answer(submit, True)) == [ShareAnswered(submit, None, "")]


@pytest.mark.parametrize(
    "reply",
    [
        answer(1, None, [20, "Unknown method", None]),
        answer(1, None, "Unknown method"),
        answer(1, False),
        answer(1, {}),
        answer(1, {"version-rolling": False}),
        answer(1, {"version-rolling": "not here"}),
        answer(1, []),
    ],
)
def test_a_pool_without_version_rolling_is_subscribed_to_all_the_same(
    reply: dict[str, Any],
) -> None:
    session = a_session()
    session.start()
    tell(session, reply)

    assert sent(session.outgoing())[0]["method"] == "mining.subscribe"
    assert session.work.version_mask == 0


def test_an_unanswered_configure_is_skipped_and_a_late_answer_still_counts() -> None:
    session = a_session()
    session.start()

    skipped = sent(session.skip_configure())
    again = session.skip_configure()
    events = tell(session, answer(2, [[], "", 4]), answer(1, rolling()))

    assert skipped[0]["method"] == "mining.subscribe"
    assert again == b""
    assert events == [Subscribed(b"", 4, 0), MaskChanged(0x1FFFE000)]
    assert [m["method"] for m in sent(session.outgoing())] == ["mining.authorize"]


def test_a_refused_subscribe_is_tried_once_without_parameters() -> None:
    session = a_session()
    session.start()
    session.skip_configure()

    tell(session, answer(2, None, [20, "no", None]))
    retry = sent(session.outgoing())

    assert retry == [{"id": 3, "method": "mining.subscribe", "params": []}]
    with pytest.raises(SubscriptionRefusedError, match="full"):
        tell(session, answer(3, None, {"code": -12, "message": "pool full"}))


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        (answer(3, False), ""),
        (answer(3, None, [24, "unknown user", None]), "unknown user"),
        (answer(3, True, "banned"), "banned"),
        ({"id": 3, "result": False, "reject-reason": "go away"}, "go away"),
    ],
)
def test_a_refused_authorization_is_told_with_its_reason(
    reply: dict[str, Any], text: str
) -> None:
    session = a_session()
    session.start()
    session.skip_configure()
    tell(session, answer(2, [[], "", 4]))

    assert tell(session, reply) == [AuthorizationRefused(text)]
    assert not session.is_authorized


def test_work_before_the_subscription_waits_for_it_and_only_the_last_counts() -> None:
    session = a_session()
    session.start()
    session.skip_configure()

    before = tell(
        session,
        notification("mining.set_difficulty", 16),
        notification("mining.notify", "old", *NOTIFY[1:]),
        notification("mining.notify", *NOTIFY),
        notification("mining.set_difficulty", 32),
    )
    after = tell(session, answer(2, [[], "0a0b", 8]))

    assert before == []
    assert isinstance(after[0], Subscribed)
    assert [w.source_job for w in work_of(after)] == ["bf"]
    assert work_of(after)[0].difficulty == 16


def test_work_carries_what_the_session_agreed_on() -> None:
    work = work_of(tell(a_ready_session(), notification("mining.notify", *NOTIFY)))[0]

    assert (work.source, work.session, work.source_job) == ("main", 7, "bf")
    assert work.prev_hash == bytes.fromhex("01000000") + bytes(28)
    assert (work.extranonce1, work.extranonce2_size) == (b"\x0a\x0b", 8)
    assert (work.coinb1, work.coinb2) == (b"\x01\x00", b"\xff\xff")
    assert work.merkle_branch == (b"\xab" * 32,)
    assert (work.version, work.version_mask) == (0x20000000, 0x1FFFE000)
    assert work.max_ntime == work.ntime + 7000
    assert work.difficulty == 1  # before any set_difficulty
    assert work.target == work.block_target == 0xFFFF << 208
    assert work.clean


def test_a_difficulty_governs_the_jobs_after_it() -> None:
    works = work_of(
        tell(
            a_ready_session(),
            notification("mining.set_difficulty", 1024),
            notification("mining.notify", *NOTIFY),
            notification("mining.set_difficulty", 0.5),
            notification("mining.notify", *NOTIFY),
        )
    )

    assert [w.difficulty for w in works] == [Difficulty(1024), Difficulty(0.5)]
    assert works[1].target == 2 * (0xFFFF << 208)


def test_a_block_that_misses_the_pools_target_is_none_for_the_pool() -> None:
    regtest = [*NOTIFY[:6], "207fffff", *NOTIFY[7:]]
    (work,) = work_of(
        tell(
            a_ready_session(),
            notification("mining.set_difficulty", 2),
            notification("mining.notify", *regtest),
        )
    )

    assert work.target == work.block_target == (0xFFFF << 208) // 2


def test_set_extranonce_takes_effect_with_the_next_notify() -> None:
    session = a_ready_session()

    at_once = tell(session, notification("mining.set_extranonce", "ffee", 6))
    then = tell(session, notification("mining.notify", *NOTIFY))
    later = tell(session, notification("mining.notify", *NOTIFY))

    assert at_once == []
    assert then[0] == ExtranonceChanged(b"\xff\xee", 6)
    assert work_of(then)[0].extranonce1 == b"\xff\xee"
    assert work_of(then)[0].extranonce2_size == 6
    assert len(later) == 1


def test_the_same_extranonce_again_is_no_change() -> None:
    session = a_ready_session()
    tell(session, notification("mining.set_extranonce", "0a0b", 8))

    events = tell(session, notification("mining.notify", *NOTIFY))

    assert [type(e) for e in events] == [WorkReceived]


@pytest.mark.parametrize("method", ["mining.set_version_mask", "mining.set_version"])
def test_a_mask_takes_effect_at_once_and_never_exceeds_what_we_asked_for(
    method: str,
) -> None:
    session = a_ready_session()

    events = tell(session, notification(method, "ffff0000"))
    repeated = tell(session, notification(method, "FFFF0000"))

    assert events == [MaskChanged(0x1FFF0000)]
    assert repeated == []


def test_rolled_bits_are_sent_inside_the_mask_and_only_if_one_was_agreed() -> None:
    rolled, plain = a_ready_session(), a_ready_session("00000000")

    one, line = rolled.submit("acme.a", "bf", b"\1\2", 0x57478DB3, 0xAB, 0x20C0E000)
    two, _ = rolled.submit("acme.a", "bf", b"\1\2", 0x57478DB3, 0xAB, 0x20C0E000)
    _, bare = plain.submit("acme.a", "bf", b"\1\2", 0x57478DB3, 0xAB, 0x20C0E000)

    fields = ["acme.a", "bf", "0102", "57478db3", "000000ab"]
    assert sent(line)[0] == {
        "id": one,
        "method": "mining.submit",
        "params": [*fields, "00c0e000"],
    }
    assert two == one + 1
    assert sent(bare)[0]["params"] == fields


def test_names_with_quotes_and_beyond_ascii_survive_a_submit() -> None:
    name = 'acme."ü\n'

    _, line = a_ready_session().submit(name, 'j"1', b"", 0, 0, None)

    assert line.count(b"\n") == 1
    assert sent(line)[0]["params"][:2] == [name, 'j"1']


def test_verdicts_come_in_any_order_and_are_told_by_id() -> None:
    session = a_ready_session()
    first, _ = session.submit("a", "bf", b"", 0, 0, None)
    second, _ = session.submit("a", "bf", b"", 0, 1, None)

    events = tell(
        session, answer(str(second), True), answer(first, None, [22, "Duplicate", None])
    )

    assert events == [
        ShareAnswered(second, None, ""),
        ShareAnswered(first, ShareRefusal.DUPLICATE, "Duplicate"),
    ]
    assert [e.accepted for e in events if isinstance(e, ShareAnswered)] == [True, False]


@pytest.mark.parametrize("message_id", [99, 0, -1, 1, "x", None, 1.5, [], {}, "9" * 40])
def test_answers_to_nothing_we_asked_are_ignored(message_id: Any) -> None:
    assert tell(a_ready_session(), answer(message_id, True)) == []


@pytest.mark.parametrize("result", [False, None, {"status": "OK"}, "true", 1, [True]])
def test_only_true_is_an_accepted_share(result: Any) -> None:
    session = a_ready_session()
    submit_id, _ = session.submit("a", "bf", b"", 0, 0, None)

    events = tell(session, answer(submit_id, result))

    assert events == [ShareAnswered(submit_id, ShareRefusal.OTHER, "")]


def test_requests_of_the_pool_are_answered_with_their_own_id() -> None:
    session = a_ready_session()

    events = tell(
        session,
        {"id": 11, "method": "mining.ping", "params": []},
        {"id": "v", "method": "client.get_version", "params": []},
        {"id": 12, "method": "client.show_message", "params": ["hi\x1b[2J"]},
        {"id": 13, "method": "mining.unheard_of", "params": {"a": 1}},
        {"id": 14, "method": "pong", "params": []},
        notification("mining.hashrate", 1),
        notification("mining.ping"),
    )

    assert events == [MessageShown("hi?[2J")]
    assert sent(session.outgoing()) == [
        answer(11, "pong"),
        answer("v", "Baseload/test"),
        answer(12, True),
        answer(13, None, [-3, "Method not found", None]),
    ]
    assert session.outgoing() == b""


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b'"id":null,"params":["caf\xe9"]', "caf\ufffd"),
        (b'"id":null,"params":[5]', "5"),
        (b'"id":null,"params":null', ""),
        (b'"id":null,"params":"noon"', "noon"),
        (b'"id":[1],"params":["noon"]', "noon"),
        (b'"id":null', ""),
    ],
    ids=str,
)
def test_nothing_hangs_on_a_message_for_people(line: bytes, text: str) -> None:
    session = a_ready_session()

    events = list(
        received(session, b'{"method":"client.show_message",' + line + b"}\n")
    )

    assert events == [MessageShown(text)]
    assert session.outgoing() == b""


def test_a_verdict_in_another_encoding_keeps_its_code() -> None:
    session = a_ready_session()
    number, _ = session.submit("a", "bf", b"", 0, 0, None)

    line = b'{"id":%d,"result":false,"error":[23,"\xc4\xe3",null]}\n' % number

    assert list(received(session, line)) == [
        ShareAnswered(number, ShareRefusal.LOW_DIFFICULTY, "\ufffd\ufffd")
    ]


@pytest.mark.parametrize(
    ("params", "event"),
    [
        ([], ReconnectAsked(None, None, Seconds(0))),
        (["", 0, 0], ReconnectAsked(None, None, Seconds(0))),
        (
            ["b.pool.example", 3333, 5],
            ReconnectAsked("b.pool.example", 3333, Seconds(5)),
        ),
        (
            ["b.pool.example", "3333", "5"],
            ReconnectAsked("b.pool.example", 3333, Seconds(5)),
        ),
    ],
)
def test_a_wish_to_reconnect_is_told_as_it_came(
    params: list[Any], event: ReconnectAsked
) -> None:
    session = a_ready_session()

    assert tell(session, notification("client.reconnect", *params)) == [event]


def test_events_before_a_broken_line_are_not_lost() -> None:
    session = a_ready_session()
    submit_id, _ = session.submit("a", "bf", b"", 0, 0, None)
    stream = received(
        session, json.dumps(answer(submit_id, True)).encode() + b"\nnonsense\n"
    )

    assert next(stream) == ShareAnswered(submit_id, None, "")
    with pytest.raises(MalformedMessageError):
        next(stream)


def test_a_line_without_end_is_not_kept() -> None:
    session = a_session()

    with pytest.raises(LineTooLongError):
        list(received(session, b"x" * (MAX_LINE_BYTES + 1)))


def test_blank_lines_and_carriage_returns_are_harmless() -> None:
    ping = b'{"id":1,"method":"mining.ping"}\r\n'
    session = a_session()

    assert list(received(session, b"\r\n \n" + ping)) == []
    assert sent(session.outgoing()) == [answer(1, "pong")]


def test_the_password_is_in_no_representation() -> None:
    session = ClientSession("main", 1, "u", "hunter2", "ua")

    assert "hunter2" not in repr(session)


def test_a_line_that_comes_to_nothing_is_a_step_of_its_own() -> None:
    session = a_ready_session()
    lines = b'{"id":9,"method":"mining.ping","params":[]}\n \n' * 100

    assert len(list(session.receive_each(lines))) == 200
