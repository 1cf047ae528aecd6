from typing import Any

import pytest

from protocol.errors import RemoteError
from protocol.units import Difficulty
from protocol.work.extranonce import Layout
from protocol.work.share import JudgedShare, Verdict
from tests.fakes.hall import AUTHORIZE, CONFIGURE, SUBSCRIBE, Hall, methods


def test_nothing_comes_before_the_answers_that_firmware_waits_for() -> None:
    hall = Hall()
    hall.sources[0].post()
    wire = hall.connect()

    assert methods(wire.say(CONFIGURE)) == [1]
    assert methods(wire.say(SUBSCRIBE)) == [2]
    assert methods(wire.say(AUTHORIZE)) == [
        3,
        "mining.set_difficulty",
        "mining.notify",
    ]


def test_a_miner_may_authorise_first_or_send_all_at_once() -> None:
    hall = Hall()
    hall.sources[0].post()

    heard = methods(hall.connect().say(AUTHORIZE, SUBSCRIBE, CONFIGURE))

    assert heard == [3, 2, "mining.set_difficulty", "mining.notify", 1]


def test_a_second_subscribe_is_answered_as_the_first() -> None:
    wire = Hall().connect()

    first, second = wire.say(SUBSCRIBE, SUBSCRIBE)

    assert first == second
    assert first["result"][0][0][1]
    assert first["result"][2] == 4


def test_the_mask_offered_is_what_asics_roll() -> None:
    answer = Hall().connect().say(CONFIGURE)[0]["result"]

    assert answer == {"version-rolling": True, "version-rolling.mask": "1fffe000"}


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("mining.extranonce.subscribe", True),
        ("mining.ping", "pong"),
        ("mining.get_transactions", [20, "Not supported.", None]),
        ("no.such.method", [20, "Unknown method", None]),
    ],
)
def test_other_methods_are_answered_politely(method: str, answer: Any) -> None:
    (reply,) = Hall().connect().say({"id": "x-1", "method": method, "params": []})

    assert reply["id"] == "x-1"
    assert answer in (reply["result"], reply["error"])


def test_a_pong_and_a_notification_get_no_answer() -> None:
    wire = Hall().connect()

    assert wire.say({"id": 5, "method": "pong", "params": []}) == []
    assert wire.say({"id": None, "method": "mining.what", "params": []}) == []


@pytest.mark.parametrize("no_id", [{}, {"id": None}])
def test_no_request_without_an_id_is_answered(no_id: dict[str, None]) -> None:
    hall = Hall()
    hall.sources[0].post()
    wire = hall.connect()
    requests: list[dict[str, Any]] = [
        {**no_id, "method": "mining.suggest_difficulty", "params": [0.00015]},
        {**no_id, "method": "mining.configure", "params": [["minimum-difficulty"]]},
        {**no_id, "method": "mining.submit", "params": ["rig1", "1", "00", "0", "0"]},
        {**no_id, "method": "mining.authorize", "params": [""]},
        {**no_id, "method": "mining.extranonce.subscribe", "params": []},
        {**no_id, "method": "mining.no_such", "params": []},
    ]

    before = wire.say(*requests)
    wire.work()
    after = wire.say(*requests)

    assert before == after == []


@pytest.mark.parametrize("sixth", [None, ""])
def test_a_sixth_parameter_that_says_nothing_is_none(sixth: str | None) -> None:
    hall = Hall()
    hall.sources[0].post()
    wire = hall.connect().work()
    for nonce in range(100):
        params = ["rig1", "1", "00000000", "6553f100", f"{nonce:08x}", sixth]
        wire.say({"id": nonce, "method": "mining.submit", "params": params})
        hall.clock.advance(0.001)

    verdicts = {share.verdict for share in hall.ledger.shares}
    assert verdicts == {Verdict.ACCEPTED, Verdict.LOW_DIFFICULTY}


@pytest.mark.parametrize("line", [b"GET / HTTP/1.1\r\n", b"\x16\x03\x01", b"[1]\n"])
def test_what_is_not_stratum_ends_the_connection(line: bytes) -> None:
    with pytest.raises(RemoteError):
        Hall().connect().miner.receive(line)


def test_a_share_is_committed_before_it_is_answered() -> None:
    hall = Hall()
    hall.sources[0].post()
    wire = hall.connect().work()
    before: list[bytes] = []
    hall.ledger.on_commit = lambda: before.append(wire.received())

    answer = wire.submit(0)

    assert before == [b""]
    assert answer["id"] == 99


def test_answers_keep_the_order_of_requests() -> None:
    hall = Hall()
    hall.sources[0].post()
    wire = hall.connect().work()
    submit = {
        "id": 7,
        "method": "mining.submit",
        "params": ["rig1", "1", "00000000", "6553f100", "00000000"],
    }

    heard = wire.say(submit, {"id": 8, "method": "mining.ping", "params": []})

    assert methods(heard) == [7, 8]


def test_each_refusal_has_its_code() -> None:
    hall = Hall()
    hall.sources[0].post()
    stranger = hall.connect()
    wire = hall.connect().work()
    nonce = wire.accepted_nonce()

    assert stranger.submit(1)["error"][0] == 25
    assert wire.submit(1, worker="nobody")["error"][0] == 24
    assert wire.submit(1, job="beef")["error"][0] == 21
    assert wire.submit(nonce)["error"][0] == 22
    counts = hall.recorder.totals.sites["hall-a"].rejected
    assert counts["unauthorized"] == counts["unknown_job"] == counts["duplicate"] == 1


def test_a_low_share_is_told_so() -> None:
    hall = Hall()
    hall.sources[0].post(difficulty=Difficulty(1e9))
    wire = hall.connect()
    wire.say(
        SUBSCRIBE, {"id": 3, "method": "mining.authorize", "params": ["rig1", "d=4096"]}
    )

    assert wire.submit(1)["error"][0] == 23


def test_a_share_that_meets_the_target_is_sent_on_once_it_is_durable() -> None:
    hall = Hall()
    hall.sources[0].post(target=(1 << 256) - 1)
    wire = hall.connect().work()

    wire.accepted_nonce()

    assert len(hall.sink.sent) == 1
    assert hall.ledger.forwards == [hall.sink.sent[0][1]]


def test_a_share_whose_pool_is_gone_counts_and_is_lost() -> None:
    hall = Hall()
    hall.sources[0].post(target=(1 << 256) - 1)
    wire = hall.connect().work()
    hall.sink.is_open = False

    wire.accepted_nonce()

    book = hall.recorder.totals.sites["hall-a"]
    assert book.accepted == 1
    assert book.lost == {"no_source": 1}
    assert hall.ledger.settled == [(1, "lost", "no_source")]


def test_a_block_is_sent_before_its_batch_is_committed_and_only_once() -> None:
    hall = Hall()
    every = (1 << 256) - 1
    hall.sources[0].post(target=every, block_target=every)
    wire = hall.connect().work()
    order: list[str] = []
    hall.sink.on_send = lambda: order.append("sent")
    hall.ledger.on_commit = lambda: order.append("committed")

    wire.submit(1)
    wire.submit(1)

    assert order == ["sent", "committed", "committed"]
    assert hall.recorder.totals.blocks_found == 1
    assert len(hall.ledger.blocks) == 1


def test_a_failover_is_one_clean_job_and_no_new_extranonce() -> None:
    hall = Hall(sources=2)
    for source in hall.sources:
        source.post()
    wire = hall.connect().work()

    hall.sources[0].lose()
    heard = wire.hear()

    assert methods(heard) == ["mining.notify"]
    assert heard[0]["params"][8] is True


def test_fail_back_waits_until_the_better_pool_holds() -> None:
    hall = Hall(sources=2)
    for source in hall.sources:
        source.post()
    group = hall.board.groups[0]
    hall.sources[0].lose()
    hall.sources[0].post(since=hall.context.now())

    hall.pass_time(29)
    assert group.sourcing.source_name == "pool1"
    hall.pass_time(2)
    assert group.sourcing.source_name == "pool0"


def test_without_a_source_the_last_job_stays() -> None:
    hall = Hall()
    hall.sources[0].post()
    wire = hall.connect().work()
    hall.sources[0].lose()

    assert wire.hear() == []
    assert wire.accepted_nonce() >= 0


def test_a_miner_held_out_keeps_its_connection_and_is_granted_again() -> None:
    hall = Hall()
    hall.sources[0].post()
    wire = hall.connect().work()
    wire.miner.hold_out(is_out=True)
    wire.miner.keep_alive()
    assert methods(wire.hear()) == ["mining.set_difficulty"]
    hall.sources[0].post()
    assert wire.hear() == []

    wire.miner.hold_out(is_out=False)

    assert methods(wire.hear()) == ["mining.notify"]


def test_a_miner_that_has_the_newest_job_is_granted_another_and_not_that_again() -> (
    None
):
    """Told the same job, it would find the same hashes again: duplicates."""
    hall = Hall()
    hall.sources[0].post()
    wire = hall.connect().work()
    wire.accepted_nonce()
    assert wire.miner.group is not None
    before = wire.miner.group.current
    wire.miner.park()
    hall.pass_time(0.5)
    wire.miner.grant()
    hall.pass_time(2)

    now = wire.miner.group.current
    assert before is not None
    assert now is not None
    assert methods(wire.hear()) == ["mining.notify"]
    assert now.job.ntime > before.job.ntime
    assert wire.accepted_nonce() >= 0


def test_a_group_knows_since_when_it_has_no_source() -> None:
    hall = Hall()
    hall.sources[0].post()
    group = hall.board.groups[0]
    assert group.idle_since is None

    hall.sources[0].lose()

    assert group.idle_since == hall.context.now()


def test_shares_of_a_lost_pool_are_stale_after_a_grace() -> None:
    hall = Hall(sources=2)
    for source in hall.sources:
        source.post()
    wire = hall.connect().work()
    hall.sources[0].lose()
    wire.hear()

    hall.clock.advance(11)

    assert wire.submit(1, job="1")["error"] == [21, "Stale share", None]


def test_a_new_block_makes_older_jobs_stale_at_once() -> None:
    hall = Hall()
    hall.sources[0].post()
    wire = hall.connect().work()

    hall.sources[0].post(prev_hash=b"\x09" * 32)

    assert wire.submit(1, job="1")["error"][0] == 21


def test_a_clean_job_on_the_same_block_leaves_older_ones_valid() -> None:
    hall = Hall()
    hall.sources[0].post()
    wire = hall.connect().work()
    hall.sources[0].post()

    assert any(wire.submit(n, job="1")["result"] for n in range(40))


def test_jobs_are_refreshed_before_firmware_takes_us_for_dead() -> None:
    hall = Hall()
    hall.sources[0].post()
    wire = hall.connect().work()
    wire.hear()

    hall.pass_time(61)
    heard = [m for m in wire.hear() if m.get("method") == "mining.notify"]

    assert len(heard) == 2
    assert len({tuple(m["params"][0:8:7]) for m in heard}) == 2  # id and ntime
    assert not heard[0]["params"][8]


def test_jobs_replaced_ten_minutes_ago_are_unknown() -> None:
    hall = Hall()
    hall.sources[0].post()
    wire = hall.connect().work()

    hall.pass_time(700)

    assert wire.submit(1, job="1")["error"] == [21, "Job not found", None]
    assert len(hall.board.groups[0].live) < 25


def test_a_narrower_mask_is_told_before_the_first_job_of_its_pool() -> None:
    hall = Hall(sources=2)
    hall.sources[0].post()
    hall.sources[1].post(version_mask=0x00006000)
    wire = hall.connect()
    wire.say(CONFIGURE, SUBSCRIBE, AUTHORIZE)

    hall.sources[0].lose()
    heard = wire.hear()

    assert methods(heard) == ["mining.set_version_mask", "mining.notify"]
    assert heard[0]["params"] == ["00006000"]


def test_a_difficulty_is_never_above_that_of_the_source() -> None:
    hall = Hall()
    hall.sources[0].post(difficulty=Difficulty(700.0))
    wire = hall.connect()

    heard = wire.say(
        SUBSCRIBE, {"id": 3, "method": "mining.authorize", "params": ["rig1", "d=4096"]}
    )

    told = next(m for m in heard if m.get("method") == "mining.set_difficulty")
    assert told["params"] == [512]


def test_a_lower_difficulty_holds_for_older_jobs_and_a_higher_one_does_not() -> None:
    hall = Hall()
    hall.sources[0].post(difficulty=Difficulty(1e9))
    wire = hall.connect().work()
    hall.pass_time(1)
    suggest = {"id": 4, "method": "mining.suggest_difficulty", "params": [4096]}
    wire.say(suggest)
    hall.pass_time(2)

    assert wire.miner.difficulty == Difficulty(4096)
    assert any(wire.submit(n, job="1")["result"] for n in range(40))
    assert wire.submit(1)["error"][0] == 23


def test_two_miners_never_share_a_slot() -> None:
    hall = Hall()
    slots = {hall.connect().say(SUBSCRIBE)[0]["result"][1] for _ in range(50)}

    assert len(slots) == 50


def test_a_full_space_is_answered_by_another_group() -> None:
    hall = Hall(Layout(1, 3))
    hall.sources[0].post()
    wires = [hall.connect().work() for _ in range(300)]
    hall.sources[0].post()

    spaces = {w.miner.group.space.number for w in wires if w.miner.group}
    assert spaces == {0, 1}


def test_a_worker_of_another_pool_account_needs_its_own_connection() -> None:
    hall = Hall()
    hall.sources[0].per_worker = True
    wire = hall.connect().work()

    second = {"id": 5, "method": "mining.authorize", "params": ["rig2", "x"]}

    assert wire.say(second)[0]["error"][0] == 24


def test_several_workers_may_share_a_connection() -> None:
    hall = Hall()
    hall.sources[0].post()
    wire = hall.connect().work()
    wire.say({"id": 5, "method": "mining.authorize", "params": ["rig2"]})

    assert any(wire.submit(n, worker="rig2")["result"] for n in range(40))


@pytest.mark.parametrize("name", ["", "a" * 129, "bad\x07name", 7, None])
def test_a_name_that_is_none_is_refused(name: Any) -> None:
    wire = Hall().connect()

    (answer,) = wire.say({"id": 5, "method": "mining.authorize", "params": [name, ""]})

    assert answer["error"][0] == 24


def test_a_miner_that_leaves_gives_its_slot_back_when_its_jobs_retire() -> None:
    hall = Hall(Layout(1, 3))
    hall.sources[0].post()
    wire = hall.connect().work()
    space = wire.miner.held_slot.space if wire.miner.held_slot else None
    wire.miner.leave()

    assert space is not None
    assert not space.slots.acquire_exactly(0)
    hall.sources[0].post()
    hall.pass_time(700)
    assert space.slots.acquire_exactly(0)


def test_a_parked_miner_gets_no_job_and_a_granted_one_does() -> None:
    hall = Hall()
    hall.sources[0].post()
    wire = hall.connect().work()
    wire.miner.park()
    wire.hear()

    hall.sources[0].post()
    assert wire.hear() == []
    wire.miner.grant()
    assert "mining.notify" in methods(wire.hear())


def test_shares_are_credited_at_the_difficulty_they_were_judged_by() -> None:
    hall = Hall()
    hall.sources[0].post()
    wire = hall.connect().work()
    wire.accepted_nonce()

    good: list[JudgedShare] = [s for s in hall.ledger.shares if s.verdict == "accepted"]

    assert [share.difficulty for share in good] == [1e-9]
