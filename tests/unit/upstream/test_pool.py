from collections.abc import Iterator
from itertools import pairwise
from typing import Any, cast

import msgspec
import pytest

from protocol.units import HashesPerSecond, Seconds
from protocol.work.share import JudgedShare, Verdict
from proxy.jobs.feed import Feed
from proxy.upstream.address import PoolAddress
from proxy.upstream.sent_shares import MAX_PENDING
from tests.builders import a_job, a_submission
from tests.conftest import FlushFailures
from tests.fakes.pool_wire import HOME, NOTIFY, PoolServer

TO = "asked us to reconnect to "


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while PoolServer.made:
        assert PoolServer.made.pop().close().called


def a_share(feed: Feed, nonce: int = 0) -> JudgedShare:
    assert feed.work is not None
    submission = a_submission()
    return JudgedShare(
        at=submission.ntime,  # type: ignore[arg-type]
        site="hall-a",
        worker=submission.worker,
        job_id="1",
        difficulty=feed.work.difficulty,
        verdict=Verdict.ACCEPTED,
        job=a_job(work=feed.work, padding=b""),
        slot=bytes(4),
        extranonce2=bytes(4),
        ntime=submission.ntime,
        nonce=nonce,
        version=feed.work.version,
    )


def test_a_pool_is_mined_on_once_it_has_given_work() -> None:
    server = PoolServer()
    feed = server.open()
    assert server.pool.state() == "connecting"

    server.wire.welcome()

    assert server.pool.state() == "ready"
    assert feed.work is not None
    assert server.pool.room == 8


def test_a_pool_that_cannot_be_reached_is_tried_ever_more_rarely_for_ever() -> None:
    server = PoolServer()
    server.refuses = True
    server.open()
    server.pass_time(1200)

    times = [at for at, _ in server.dialled]
    waits = [round(b - a) for a, b in pairwise(times)]
    assert waits[:7] == [1, 2, 4, 8, 16, 32, 60]
    assert set(waits[7:]) == {60}


@pytest.mark.parametrize(("random", "wait"), [(0.0, 0.5), (1.0, 1.5)])
def test_the_wait_is_spread_so_that_not_all_come_at_once(
    random: float, wait: float
) -> None:
    server = PoolServer(random=lambda: random)
    server.refuses = True
    server.open()
    server.clock.advance(wait - 0.01)
    assert len(server.dialled) == 1
    server.clock.advance(0.02)

    assert len(server.dialled) == 2


@pytest.mark.parametrize(
    ("welcome", "seconds", "why"),
    [(False, 30, "no job in 30 s"), (True, 120, "silent for 120 s")],
)
def test_a_pool_that_says_nothing_is_hung_up_on(
    welcome: bool,  # noqa: FBT001
    seconds: int,
    why: str,
) -> None:
    server = PoolServer()
    feed = server.open()
    if welcome:
        server.wire.welcome()
    else:
        server.wire.send({"id": 1, "result": None, "error": None})
    first = server.wire
    server.pass_time(seconds - 1)
    assert first.is_up
    server.pass_time(1)

    assert not first.is_up
    assert feed.reason == why


def test_a_pool_that_pings_and_never_moves_on_is_hung_up_on() -> None:
    server = PoolServer()
    feed = server.open()
    server.wire.welcome()
    for _ in range(10):
        server.pass_time(60)
        server.wires[0].send({"id": 5, "method": "mining.ping", "params": []})

    assert feed.reason == "no new job for 600 s"


def test_a_refused_user_is_said_and_tried_again_rarely() -> None:
    server = PoolServer()
    feed = server.open()
    server.wire.authorizes = False
    server.wire.welcome()

    assert server.pool.state() == "refused"
    assert "refused to authorise acct" in feed.reason
    server.pass_time(59)
    assert len(server.wires) == 1
    server.pass_time(1)
    server.wire.welcome()
    assert server.pool.state() == "ready"
    assert feed.reason == ""


def test_what_came_with_a_refusal_makes_the_pool_no_good_one() -> None:
    """The end of the connection comes in a later turn than what we hung up for."""
    server = PoolServer()
    feed = server.open()
    wire = server.wire
    wire.transport.abortConnection = lambda: None  # type: ignore[method-assign]
    asked = {request["method"]: request["id"] for request in wire.hear()}
    while "mining.authorize" not in asked:
        for method, number in asked.items():
            wire._answer({"method": method, "id": number, "params": ["acct"]})
        asked = {request["method"]: request["id"] for request in wire.hear()}
    refused = {"id": asked["mining.authorize"], "result": False, "error": None}
    job = {"id": None, "method": "mining.notify", "params": NOTIFY}
    wire.send(refused, job)

    assert server.pool.state() == "refused"
    assert feed.work is None


def send(server: PoolServer, feed: Feed, count: int, why: str | None = None) -> None:
    """Forward shares, five a second, and have each judged, or none for None."""
    for number in range(count):
        assert server.pool.forward(a_share(feed, number), number)
        if why is not None:
            server.wire.judge(why)
        if number % 5 == 4:
            server.pass_time(1)


def test_a_pool_that_refuses_most_shares_is_left_for_ten_minutes() -> None:
    server = PoolServer()
    feed = server.open()
    server.wire.welcome()
    send(server, feed, 39, "low difficulty share")
    assert server.pool.state() == "ready"
    send(server, feed, 1, "low difficulty share")

    assert server.pool.state() == "left"
    assert server.pool.doubt == "refused 40 of the last 40 shares"
    server.clock.advance(600)
    assert server.pool.doubt == ""


def suggested(server: PoolServer) -> list[float]:
    return [
        line["params"][0]
        for line in server.wire.hear()
        if line["method"] == "mining.suggest_difficulty"
    ]


def test_a_pool_is_told_how_large_the_hall_is_as_soon_as_it_has_let_us_in() -> None:
    server = PoolServer()
    server.pool.size_of = lambda _site: HashesPerSecond(5.4e18)
    server.open()
    server.wire.welcome()

    assert server.wire.suggested == [2**30]


def test_a_warm_reserve_is_told_once_the_hall_is_known() -> None:
    server, size = PoolServer(), [0.0]
    server.pool.size_of = lambda _site: HashesPerSecond(size[0])
    server.open()
    server.wire.welcome()
    server.pass_time(5)
    assert suggested(server) == []

    size[0] = 5.4e18
    server.pass_time(1)
    assert suggested(server) == [2**30]


def test_a_hall_on_several_connections_is_told_in_parts() -> None:
    server = PoolServer()
    server.pool.size_of = lambda _site: HashesPerSecond(5.4e18)
    for number in range(4):
        server.pool.open("hall-a", "", number)
    for wire in server.wires:
        wire.welcome()

    assert [wire.suggested for wire in server.wires] == [[2**28]] * 4


def test_where_each_worker_has_a_connection_it_tells_what_came_over_it() -> None:
    server = PoolServer(user="acct.{worker}")
    server.pool.size_of = lambda _site: HashesPerSecond(5.4e18)
    feed = server.open("rig1")
    server.wire.welcome()
    for number in range(20):  # of difficulty 1024
        server.pool.forward(a_share(feed, number), number)
        server.wire.judge()
        assert server.wire.suggested == []
        server.clock.advance(1)
    server.pass_time(1)

    assert suggested(server) == [512]


def test_a_pool_that_gives_work_and_answers_no_share_is_left() -> None:
    server = PoolServer()
    feed = server.open()
    server.wire.welcome()
    for _ in range(6):
        send(server, feed, 50)
        server.wire.say("mining.notify", *NOTIFY)
    server.pass_time(6)
    assert server.pool.doubt == ""
    server.pass_time(1)

    assert server.pool.doubt == "did not answer 40 of the last 40 shares"


def test_a_line_that_is_dead_with_shares_on_it_is_hung_up_on_but_not_doubted() -> None:
    server = PoolServer()
    feed = server.open()
    server.wire.welcome()
    send(server, feed, 295)
    assert server.wire.is_up
    server.pass_time(1)

    assert not server.wire.is_up
    assert feed.reason == "silent for 60 s with shares to answer"
    assert server.pool.doubt == ""


def test_a_pool_that_answers_none_of_very_many_shares_is_left_sooner() -> None:
    server = PoolServer()
    feed = server.open()
    server.wire.welcome()
    share, sent = a_share(feed), 0
    while server.pool.forward(share, sent):
        sent += 1
    for _ in range(8):
        server.pass_time(1)
        server.wire.say("mining.notify", *NOTIFY)
        for _ in range(10):
            assert not server.pool.forward(share, 0)

    assert sent == MAX_PENDING
    assert server.pool.doubt == "did not answer 40 of the last 40 shares"


def test_refusals_in_a_burst_are_no_reason_to_leave() -> None:
    server = PoolServer()
    feed = server.open()
    server.wire.welcome()
    for number in range(1000):  # a block was found elsewhere: all are stale at once
        server.pool.forward(a_share(feed, number), number)
        server.wire.judge("stale")
    server.pass_time(1)
    send(server, feed, 100, "")

    assert server.pool.doubt == ""


def test_refusals_of_jobs_from_before_a_new_difficulty_do_not_count() -> None:
    server = PoolServer()
    feed = server.open()
    server.wire.welcome()
    old = [a_share(feed, number) for number in range(300)]
    server.wire.say("mining.set_difficulty", 65536)
    server.wire.say("mining.notify", *NOTIFY)
    for number, share in enumerate(old):
        server.pool.forward(share, number)
        server.wire.judge("low difficulty share")
        server.clock.advance(0.2)

    assert server.pool.doubt == ""
    assert server.pool.rejected.total() == 300
    send(server, feed, 40, "low difficulty share")
    assert server.pool.doubt


def test_a_pool_that_refuses_some_is_kept() -> None:
    server = PoolServer()
    feed = server.open()
    server.wire.welcome()
    for number in range(200):
        server.pool.forward(a_share(feed, number), number)
        server.wire.judge("" if number % 4 == 0 else "job not found")
        server.clock.advance(0.2)

    assert server.pool.doubt == ""
    assert (server.pool.accepted, server.pool.rejected.total()) == (50, 150)


def test_each_forwarded_share_is_settled_once() -> None:
    server = PoolServer()
    feed = server.open()
    server.wire.welcome()
    server.pool.forward(a_share(feed), 7)
    [request] = server.wire.hear()
    for _ in range(2):
        server.wire.send({"id": request["id"], "result": True, "error": None})

    assert server.settled == [(7, "accepted", "")]


def test_how_long_an_answer_took_is_counted_once() -> None:
    server = PoolServer()
    feed = server.open()
    server.wire.welcome()
    for number, took in enumerate((3, 0)):
        server.pool.forward(a_share(feed, number), number)
        server.pass_time(took)
        [request] = server.wire.hear()
        for _ in range(2):
            server.wire.send({"id": request["id"], "result": not took, "error": None})

    times = server.pool.answer_times
    assert sum(times.histogram.counts) == 2
    assert times.histogram.total == 3.0
    assert times.take_slowest() == 3.0


def test_a_share_without_an_answer_is_lost_after_a_minute() -> None:
    server = PoolServer()
    feed = server.open()
    server.wire.welcome()
    server.pool.forward(a_share(feed), 7)
    server.pass_time(59)
    server.wire.say("mining.notify", *NOTIFY)
    assert server.settled == []
    server.pass_time(1)

    assert server.settled == [(7, "lost", "no_answer")]


def test_shares_in_flight_on_a_cut_connection_are_lost_by_name() -> None:
    server = PoolServer()
    feed = server.open()
    server.wire.welcome()
    share = a_share(feed)
    server.pool.forward(share, 7)
    server.wire.transport.loseConnection()

    assert server.settled == [(7, "lost", "connection_lost")]
    assert server.lost == [1]
    assert not server.pool.forward(share, 8)


def test_rolled_bits_reach_the_pool_and_padding_goes_before_the_slot() -> None:
    server = PoolServer()
    feed = server.open()
    server.wire.welcome()
    share = a_share(feed)
    share.version |= 0x00C0_0000
    assert share.job is not None
    share.job = msgspec.structs.replace(share.job, padding=b"\x07")
    share.slot, share.extranonce2 = b"\x01\x02\x03", b"\xaa\xbb\xcc\xdd"
    server.pool.forward(share, 1)

    [request] = server.wire.hear()
    assert request["params"][0:3] == ["acct", "j1", "07010203aabbccdd"]
    assert request["params"][5] == "00c00000"


def test_each_worker_has_a_connection_where_the_pool_wants_names() -> None:
    server = PoolServer(user="acct.{worker}")
    server.open("rig1")
    server.open("rig2")
    users = [wire.welcome().users for wire in server.wires]

    assert server.pool.takes_identity()
    assert users == [["acct.rig1"], ["acct.rig2"]]


def test_a_pool_of_names_is_asked_for_its_room_without_any() -> None:
    server = PoolServer(user="acct.{worker}")
    server.open()
    wire = server.wire.welcome()
    server.pass_time(60)

    assert server.pool.room == 8
    assert wire.users == []
    assert len(server.wires) == 1
    assert server.pool.connections == 0


def test_a_pool_that_would_void_rolled_shares_is_left_where_that_is_asked() -> None:
    server = PoolServer(version_rolling="required")
    server.open()
    server.wire.mask = "00c00000"
    server.wire.welcome()

    assert server.pool.unusable == (
        "would void rolled shares: its version mask is 00c00000"
    )


def test_a_new_mask_is_fresh_work() -> None:
    server = PoolServer()
    feed = server.open()
    server.wire.welcome()
    before = feed.work
    server.wire.say("mining.set_version_mask", "00c00000")

    assert before is not None
    assert feed.work is not None
    assert feed.work.version_mask == 0x00C00000
    assert feed.work.ntime > before.ntime
    assert feed.work.session == before.session


def test_a_new_extranonce_is_a_new_session_and_the_old_one_is_lost() -> None:
    server = PoolServer()
    feed = server.open()
    server.wire.welcome()
    old = a_share(feed)
    server.wire.say("mining.set_extranonce", "11223344", 8)
    server.wire.welcome()

    assert feed.work is not None
    assert feed.work.session == 2
    assert server.lost == [1]
    assert not server.pool.forward(old, 1)
    assert server.pool.forward(a_share(feed), 2)


@pytest.mark.parametrize(
    ("config", "asked", "leads_to"),
    [
        ({}, ["us.pool.example", 4444, 0], HOME),
        ({"reconnect": True}, ["us.pool.example", "4444", 0],
         PoolAddress("us.pool.example", 4444, tls=False)),
        ({"reconnect": True}, ["us.thief.example", 4444, 0], HOME),
        ({"reconnect": True}, [], HOME),
    ],
)  # fmt: skip
def test_a_pool_may_ask_to_reconnect(
    config: dict[str, Any], asked: list[Any], leads_to: PoolAddress
) -> None:
    server = PoolServer(**config)
    server.open()
    server.wire.welcome()
    server.wire.say("client.reconnect", *asked)
    server.pass_time(2)
    assert [address for _, address in server.dialled] == [HOME, leads_to]

    server.refuses = True  # where it was sent: then home again
    server.wire.transport.loseConnection()
    server.pass_time(5)
    assert server.dialled[-1][1] == HOME


@pytest.mark.parametrize(
    ("config", "asked", "reason"),
    [
        ({}, [], "asked us to reconnect"),
        ({}, ["", 0], "asked us to reconnect"),
        ({}, ["eu.pool.example", 3333], "asked us to reconnect"),
        (
            {},
            ["us.pool.example", 4444],
            f"{TO}us.pool.example:4444: not followed, reconnect of [[pools]] is false",
        ),
        (
            {"reconnect": True},
            ["us.pool.example", 4444],
            f"{TO}us.pool.example:4444",
        ),
        (
            {"reconnect": True},
            ["us.thief.example"],
            f"{TO}us.thief.example:3333: not followed, it is of another domain",
        ),
    ],
)
def test_a_wish_to_reconnect_is_told_with_what_becomes_of_it(
    config: dict[str, Any], asked: list[Any], reason: str
) -> None:
    server = PoolServer(**config)
    feed = server.open()
    server.wire.welcome()
    server.wire.say("client.reconnect", *asked)

    assert feed.reason == reason


@pytest.mark.parametrize("last_word", [None, "client.reconnect"])
def test_a_pool_that_hangs_up_after_each_job_is_dialled_ever_more_rarely(
    last_word: str | None,
) -> None:
    server = PoolServer()
    server.open()
    for _ in range(400):
        if server.wire.is_up:
            server.wire.welcome()
            if last_word:
                server.wire.say(last_word)
            else:
                server.wire.transport.loseConnection()
        server.pass_time(1)

    times = [at for at, _ in server.dialled]
    waits = [round(b - a) for a, b in pairwise(times)]
    assert waits[:7] == [1, 2, 4, 8, 16, 32, 60]


@pytest.mark.parametrize(("held", "wait"), [(59, 8), (60, 1)])
def test_the_pauses_begin_anew_after_a_link_that_held_a_minute(
    held: int, wait: int
) -> None:
    server = PoolServer()
    server.open()
    for pause in (1, 2, 4):
        server.wire.welcome().transport.loseConnection()
        server.pass_time(pause)
    server.wire.welcome()
    server.pass_time(held)
    server.wire.transport.loseConnection()
    dialled = len(server.dialled)
    server.pass_time(wait - 1)
    assert len(server.dialled) == dialled
    server.pass_time(1)

    assert len(server.dialled) == dialled + 1


def test_a_pool_that_does_not_answer_is_dialled_again() -> None:
    server = PoolServer()
    server.swallows = True
    feed = server.open()
    server.pass_time(15)
    assert feed.reason == "cannot connect: no answer in 15 s"
    dials_at, now = server.pool.dials_at, server.clock.seconds()
    assert dials_at is not None
    assert 0 < dials_at - now <= 1.5

    server.swallows = False
    server.pass_time(5)
    server.wire.welcome()
    assert server.pool.state() == "ready"
    assert server.pool.dials_at is None


def test_a_stop_while_a_pool_is_dialled_is_no_failure() -> None:
    server = PoolServer()
    server.swallows = True
    server.open()

    assert server.close().called


def test_a_host_that_cannot_be_looked_up_costs_one_try() -> None:
    server = PoolServer(reconnect=True)
    feed = server.open()
    server.wire.welcome()
    server.wire.say("client.reconnect", "u--s.pool.example", 4444)
    server.refuses, server.refusal = True, ValueError("invalid hostname")
    server.pass_time(2)
    assert feed.reason == "cannot connect: invalid hostname"

    server.refuses = False
    server.pass_time(5)
    server.wire.welcome()
    assert server.dialled[-1][1] == HOME
    assert server.pool.state() == "ready"


def test_a_long_wait_before_a_reconnect_is_cut_short() -> None:
    server = PoolServer()
    server.open()
    server.wire.welcome()
    server.wire.say("client.reconnect", "", 0, 86400)
    server.pass_time(299)
    assert len(server.wires) == 1
    server.pass_time(1)

    assert len(server.wires) == 2


def test_who_is_let_go_is_not_dialled_again() -> None:
    server = PoolServer()
    server.open()
    server.wire.welcome()
    server.pool.close("hall-a", "", 0)
    server.pass_time(100)

    assert not server.wire.is_up
    assert len(server.wires) == 1
    assert server.pool.state() == "idle"


def test_what_a_pool_makes_us_fail_at_costs_that_pool_its_connection(
    flush_failures: FlushFailures,
) -> None:
    server = PoolServer()
    feed = server.open()
    server.fails = True
    server.wire.welcome()
    assert flush_failures(ZeroDivisionError) == 1
    assert not server.wires[0].is_up
    assert feed.reason == "we failed at what it sent"

    server.fails = False
    server.pass_time(2)
    server.wire.welcome()
    assert server.pool.state() == "ready"


def test_a_link_that_cannot_be_looked_at_keeps_no_other_from_it(
    flush_failures: FlushFailures,
) -> None:
    server = PoolServer()
    feeds = [server.open("a"), server.open("b")]
    for wire in server.wires:
        wire.welcome()
    server.pool.links[0]._silence.job_at = cast("Seconds", "soon")
    server.pass_time(119)
    assert flush_failures(TypeError) == 119
    server.pass_time(1)

    assert feeds[1].reason == "silent for 120 s"


def test_a_pool_that_is_frozen_is_told_of_long_before_it_is_hung_up_on() -> None:
    server = PoolServer()
    feed = server.open()
    server.wire.welcome()
    send(server, feed, 1)
    server.pass_time(14)
    before = server.pool.unanswered_s(Seconds(server.clock.seconds()))
    server.pass_time(2)
    after = server.pool.unanswered_s(Seconds(server.clock.seconds()))
    server.wire.judge()

    assert before is None
    assert after is not None
    assert 15 <= after <= 17
    assert server.pool.unanswered_s(Seconds(server.clock.seconds())) is None


def test_a_pool_without_shares_to_answer_may_be_silent() -> None:
    server = PoolServer()
    server.open()
    server.wire.welcome()
    server.pass_time(60)

    assert server.pool.unanswered_s(Seconds(server.clock.seconds())) is None
