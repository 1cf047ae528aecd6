"""A V2 channel is a miner like any other."""

from typing import Any

import pytest

from protocol.bitcoin.target import target_from_difficulty
from protocol.sv2.codec import common, mining
from protocol.sv2.tlv import worker_tlv
from protocol.units import Difficulty, Seconds, WorkerName
from protocol.work.extranonce import Layout
from protocol.work.share import JudgedShare, Verdict
from protocol.work.vardiff import VardiffPolicy
from proxy.downstream.banning import ban
from proxy.downstream.bans import network_of
from proxy.downstream.worker_refusals import MAX_WORKERS
from proxy.jobs import space
from tests.builders import a_work
from tests.fakes.hall import Hall
from tests.fakes.sv2_wire import NTIME, Door, Sv2Wire

EASY_TARGET = target_from_difficulty(Difficulty(1e-9))
EVERY = (1 << 256) - 1


def at_work(door: Door | None = None, **changes: Any) -> tuple[Sv2Wire, int]:
    door = door or Door()
    door.hall.sources[0].post(target=EVERY)
    wire = door.connect().set_up()
    opened = wire.extended(**changes)[0]
    return wire, opened.channel_id


def sent_on(wire: Sv2Wire) -> JudgedShare:
    """Return the last share that the pool was sent."""
    return wire.door.hall.sink.sent[-1][0]


def kinds(messages: list[Any]) -> list[type[Any]]:
    return [type(message) for message in messages]


def test_a_channel_hears_its_answer_then_its_job_then_the_block() -> None:
    door = Door()
    door.hall.sources[0].post()
    wire = door.connect().set_up()

    heard = wire.extended()

    assert kinds(heard) == [
        mining.OpenExtendedMiningChannelSuccess,
        mining.NewExtendedMiningJob,
        mining.SetNewPrevHash,
    ]
    assert heard[0].target == EASY_TARGET
    seat = wire.miner().held_slot
    assert seat is not None
    assert heard[0].extranonce_prefix == seat.extranonce1


def test_a_channel_is_in_the_roster_as_a_miner() -> None:
    wire, _ = at_work(user_identity="acme.rig7")

    miner = wire.miner()

    assert list(miner.workers) == ["acme.rig7"]
    assert miner.user_agent == "Bitaxe/601/2.9"
    assert miner.address == "10.0.0.1"
    assert miner.group is not None


def test_an_accepted_share_is_in_the_ledger_before_it_is_answered() -> None:
    wire, channel = at_work()

    wire.accepted_nonce(channel)

    row = wire.door.hall.ledger.shares[-1]
    assert (row.worker, row.verdict) == ("rig1", Verdict.ACCEPTED)
    assert wire.miner().accepted == 1


def test_a_share_says_all_that_the_pool_needs() -> None:
    wire, channel = at_work()

    nonce = wire.accepted_nonce(channel, extranonce=b"abcd", version=0x20006000)

    share = sent_on(wire)
    assert (share.extranonce2, share.nonce) == (b"abcd", nonce)
    assert share.version == 0x20006000
    assert share.ntime == NTIME


def test_shares_of_one_moment_share_an_answer() -> None:
    door = Door()
    bounds = door.hall.context.bounds
    bounds.policy = VardiffPolicy(0.0, Difficulty(1e-12), Difficulty(1.0))
    bounds.start = Difficulty(1e-12)
    wire, channel = at_work(door)
    job = wire.door.hall.board.last_seq
    shares = [
        mining.SubmitSharesExtended(
            channel, 70 + n, job, 2000 + n, NTIME, 0x20000000, bytes(4)
        )
        for n in range(5)
    ]

    heard = wire.say(*shares)
    wire.door.hall.clock.advance(0.001)

    (answer,) = heard + wire.hear()
    assert (answer.last_sequence_number, answer.new_submits_accepted_count) == (74, 5)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"job_id": 999}, "invalid-job-id"),
        ({"ntime": 5}, "invalid-share"),
        ({"version": 0x60000000}, "invalid-non-rollable-version-bit"),
        ({"version": 0x20000001}, "invalid-non-rollable-version-bit"),
        ({"extranonce": b"abc"}, "bad-extranonce-size"),
        ({"extranonce": b"abcde"}, "bad-extranonce-size"),
        ({"channel_id": 999}, "invalid-channel-id"),
    ],
)
def test_a_bad_share_hears_why(changes: dict[str, Any], code: str) -> None:
    wire, channel = at_work()

    (answer,) = wire.submit(channel, 0, **changes)

    assert isinstance(answer, mining.SubmitSharesError)
    assert (answer.sequence_number, answer.error_code) == (1, code)


def test_a_share_too_easy_or_sent_twice_hears_so() -> None:
    wire, channel = at_work()
    nonce = wire.accepted_nonce(channel)

    (twice,) = wire.submit(channel, nonce)
    answers = [wire.submit(channel, n)[0] for n in range(nonce + 1, nonce + 40)]

    assert twice.error_code == "duplicate-share"
    codes = {a.error_code for a in answers if isinstance(a, mining.SubmitSharesError)}
    assert codes == {"difficulty-too-low"}


def test_a_share_of_the_block_before_is_stale() -> None:
    wire, channel = at_work()
    job = wire.door.hall.board.last_seq

    wire.door.hall.sources[0].post(prev_hash=b"\x09" * 32)
    wire.hear()
    (answer,) = wire.submit(channel, 0, job_id=job)

    assert answer.error_code == "stale-share"


def test_a_standard_channel_is_judged_by_its_own_coinbase() -> None:
    door = Door()
    door.hall.sources[0].post(target=EVERY)
    wire = door.connect().set_up()
    opened, job, tip = wire.standard()

    wire.accepted_nonce(opened.channel_id, extranonce=None)

    assert kinds([opened, job, tip]) == [
        mining.OpenStandardMiningChannelSuccess,
        mining.NewMiningJob,
        mining.SetNewPrevHash,
    ]
    assert sent_on(wire).extranonce2 == bytes(4)


def test_a_miner_with_fewer_bytes_to_roll_has_its_own_space() -> None:
    wire, channel = at_work(min_extranonce_size=2)

    wire.accepted_nonce(channel, extranonce=b"xy")

    assert sent_on(wire).extranonce2 == b"\0\0xy"


def test_a_miner_that_needs_more_bytes_than_there_are_is_refused() -> None:
    door = Door()
    wire = door.connect().set_up()

    (answer,) = wire.extended(min_extranonce_size=7)

    assert answer.error_code == "unsupported-min-extranonce-size: pool0 leaves 6 B"
    assert not door.roster.miners


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 129])
def test_a_worker_without_a_proper_name_is_refused(name: str) -> None:
    (answer,) = Door().connect().set_up().extended(user_identity=name)

    assert answer.error_code == "unknown-user"


def test_several_channels_share_a_connection_and_no_slot() -> None:
    wire, first = at_work()
    opened = wire.extended(user_identity="rig2", request_id=2)[0]

    wire.accepted_nonce(first)
    wire.accepted_nonce(opened.channel_id)

    slots = {
        m.held_slot.extranonce1 for m in wire.door.roster.miners.values() if m.held_slot
    }
    assert len(slots) == 2
    workers = {row.worker for row in wire.door.hall.ledger.shares}
    assert workers == {"rig1", "rig2"}


def test_a_new_job_goes_to_every_channel() -> None:
    wire, first = at_work()
    second = wire.extended(request_id=2)[0].channel_id

    wire.door.hall.sources[0].post(source_job="up2", clean=False)

    jobs = wire.hear()
    assert kinds(jobs) == [mining.NewExtendedMiningJob] * 2
    assert {job.channel_id for job in jobs} == {first, second}
    assert all(job.min_ntime is not None for job in jobs)


def test_a_switch_of_sources_on_the_same_block_needs_no_new_block() -> None:
    hall = Hall(sources=2)
    door = Door(hall)
    hall.sources[1].post()
    wire, channel = at_work(door)
    wire.hear()

    hall.sources[0].lose()

    (job,) = wire.hear()
    assert isinstance(job, mining.NewExtendedMiningJob)
    wire.accepted_nonce(channel)


def test_a_harder_target_is_told_before_the_job_that_has_it() -> None:
    wire, channel = at_work()
    miner = wire.miner()

    miner.set_requested_difficulty(start=Difficulty(4e-9))
    wire.door.pass_time(2)

    target, job = wire.hear()
    assert target == mining.SetTarget(channel, target_from_difficulty(Difficulty(4e-9)))
    assert isinstance(job, mining.NewExtendedMiningJob)


def test_a_share_of_an_older_job_is_held_to_the_older_target() -> None:
    wire, channel = at_work()
    old = wire.door.hall.board.last_seq

    wire.miner().set_requested_difficulty(start=Difficulty(1e-3))
    wire.door.pass_time(2)
    wire.hear()

    wire.accepted_nonce(channel, job_id=old)
    assert wire.door.hall.ledger.shares[-1].difficulty == Difficulty(1e-9)


def test_the_source_sets_the_ceiling_of_the_target() -> None:
    door = Door()
    door.hall.sources[0].post()

    heard = door.connect().set_up().extended(nominal_hash_rate=1e12)

    assert kinds(heard)[:2] == [
        mining.OpenExtendedMiningChannelSuccess,
        mining.SetTarget,
    ]
    ceiling = door.hall.board.groups[0].current.job.ceiling  # type: ignore[union-attr]
    assert heard[1].maximum_target == target_from_difficulty(ceiling)
    assert heard[0].target < heard[1].maximum_target


def test_a_claimed_hashrate_sets_the_first_difficulty() -> None:
    door = Door()
    wire = door.connect().set_up()

    (opened,) = wire.extended(nominal_hash_rate=1e12)  # 776 a minute at difficulty 18

    assert opened.target == target_from_difficulty(Difficulty(1024.0))


@pytest.mark.parametrize("difficulty", [3.0, 1e-6, 70_000.1, 1 / 3])
def test_a_target_that_the_miner_bounds_is_met_exactly(difficulty: float) -> None:
    wire = Door().connect().set_up()
    limit = target_from_difficulty(Difficulty(difficulty)) + 1

    (opened,) = wire.extended(max_target=limit)

    assert opened.target == limit


def test_every_share_that_meets_the_bound_is_taken_and_no_other() -> None:
    door = Door()
    bound = target_from_difficulty(Difficulty(1.1e-9))
    wire, channel = at_work(door, max_target=bound)

    for n in range(100):
        wire.submit(channel, n)

    assert wire.miner().accepted > 0
    for share in door.hall.ledger.shares:
        is_met = int.from_bytes(share.hash, "little") <= bound
        assert (share.verdict is Verdict.ACCEPTED) == is_met


def test_who_bounds_its_target_adjusts_it_itself() -> None:
    door = Door()
    bound = target_from_difficulty(Difficulty(1.1e-9))
    wire, channel = at_work(door, max_target=bound)

    for n in range(500):
        wire.submit(channel, n)
        door.hall.clock.advance(0.2)
    door.pass_time(10)

    assert mining.SetTarget not in kinds(wire.hear())
    assert wire.miner().accepted > 72
    heard = wire.say(mining.UpdateChannel(channel, 0.0, bound // 7))
    door.pass_time(2)
    targets = [m for m in heard + wire.hear() if isinstance(m, mining.SetTarget)]
    assert [t.maximum_target for t in targets] == [bound // 7]


def test_who_claims_far_more_than_its_bound_is_good_for_is_not_left_to_itself() -> None:
    wire = Door().connect().set_up()
    bound = target_from_difficulty(Difficulty(3.0))

    (opened,) = wire.extended(max_target=bound, nominal_hash_rate=1e14)

    assert opened.target == target_from_difficulty(Difficulty(65536.0))


def test_a_source_below_the_bound_judges_and_the_bound_is_told() -> None:
    door = Door()
    door.hall.sources[0].post(difficulty=Difficulty(3e-9), target=EVERY)
    bound = target_from_difficulty(Difficulty(5e-9))
    wire = door.connect().set_up()
    opened = wire.extended(max_target=bound)[0]

    for n in range(200):
        wire.submit(opened.channel_id, n)
    taken = [s for s in door.hall.ledger.shares if s.verdict is Verdict.ACCEPTED]

    assert opened.target == bound
    assert {share.difficulty for share in taken} == {Difficulty(3e-9)}
    assert any(int.from_bytes(s.hash, "little") > bound for s in taken)


def test_between_the_sources_difficulty_and_its_power_of_two_a_bound_is_met() -> None:
    door = Door()
    door.hall.sources[0].post(difficulty=Difficulty(1000.0))
    bound = target_from_difficulty(Difficulty(700.0))
    wire = door.connect().set_up()

    heard = wire.extended(max_target=bound)

    assert mining.SetTarget not in kinds(heard)
    assert heard[0].target == bound
    assert wire.miner().difficulty == pytest.approx(700.0)


def test_a_target_beyond_the_sites_bounds_is_refused() -> None:
    door = Door()
    wire = door.connect().set_up()

    (answer,) = wire.extended(max_target=5)

    assert answer.error_code == "max-target-out-of-range"


def test_a_miner_that_doubles_its_hashrate_is_retargeted() -> None:
    wire, channel = at_work()
    wire.door.hall.sources[0].post(difficulty=Difficulty(1e9), target=1)
    wire.hear()

    wire.say(mining.UpdateChannel(channel, 1e12, (1 << 256) - 1))
    wire.door.pass_time(2)

    assert wire.hear()[0] == mining.SetTarget(
        channel, target_from_difficulty(Difficulty(1024.0))
    )


def test_a_hashrate_that_hardly_moves_is_left_to_the_shares() -> None:
    wire, channel = at_work(nominal_hash_rate=1e12)
    miner = wire.miner()
    miner.vardiff.restart_at(Difficulty(2.0**20), wire.door.hall.context.now())

    wire.say(mining.UpdateChannel(channel, 1.9e12, (1 << 256) - 1))
    kept = miner.vardiff.difficulty
    wire.say(mining.UpdateChannel(channel, 4e12, (1 << 256) - 1))

    assert kept == 2.0**20
    assert miner.vardiff.difficulty == 4096.0


def test_an_update_out_of_bounds_is_refused() -> None:
    wire, channel = at_work()

    assert wire.say(mining.UpdateChannel(channel, 1e12, 5)) == [
        mining.UpdateChannelError(channel, "max-target-out-of-range")
    ]


def test_vardiff_follows_the_shares_of_a_channel() -> None:
    wire, channel = at_work()
    for nonce in range(400):
        wire.submit(channel, nonce)

    wire.door.pass_time(2)

    targets = [m for m in wire.hear() if isinstance(m, mining.SetTarget)]
    assert targets
    assert targets[-1].maximum_target < EASY_TARGET


def test_a_parked_channel_gets_no_jobs_and_keeps_its_connection() -> None:
    wire, channel = at_work()
    miner = wire.miner()

    miner.park()
    wire.door.hall.sources[0].post(source_job="up2")
    parked = wire.hear()
    wire.door.pass_time(46)
    kept = wire.hear()
    miner.grant()

    assert parked == []
    assert kept
    assert set(kept) == {mining.SetTarget(channel, EASY_TARGET)}
    assert mining.NewExtendedMiningJob in kinds(wire.hear())


def test_a_proxy_may_name_the_worker_of_a_share() -> None:
    wire, channel = at_work(user_identity="site")
    wire.say(common.RequestExtensions(1, (2,)))

    wire.accepted_nonce(channel, trailing=worker_tlv("rig7"))
    wire.accepted_nonce(channel, trailing=worker_tlv("bad\nname"), extranonce=b"1234")

    rows = [r for r in wire.door.hall.ledger.shares if r.verdict is Verdict.ACCEPTED]
    assert [row.worker for row in rows] == ["rig7", "site"]


def test_a_proxy_may_name_so_many_workers_and_no_more() -> None:
    wire, channel = at_work(user_identity="site")
    wire.say(common.RequestExtensions(1, (2,)))
    miner = wire.miner()
    miner.workers.update(dict.fromkeys(map(WorkerName, map(str, range(MAX_WORKERS)))))

    wire.accepted_nonce(channel, trailing=worker_tlv("one-more"))
    wire.accepted_nonce(channel, trailing=worker_tlv("7"), extranonce=b"1234")

    rows = [r for r in wire.door.hall.ledger.shares if r.verdict is Verdict.ACCEPTED]
    assert [row.worker for row in rows] == ["site", "7"]
    assert "one-more" not in miner.workers


def test_a_closed_channel_gives_its_slot_back() -> None:
    wire, first = at_work()
    wire.extended(request_id=2)

    wire.say(mining.CloseChannel(first, "done"))

    assert len(wire.door.roster.miners) == 1
    assert wire.door.hall.board.groups[0].space.slots.held == 1
    assert not wire.is_dropped


def test_a_connection_without_a_channel_is_dropped_in_time() -> None:
    door = Door()
    silent = door.connect()
    greeted = door.connect().set_up()

    door.pass_time(14)
    assert not silent.is_dropped
    assert not greeted.is_dropped
    door.pass_time(1)
    assert silent.is_dropped
    assert greeted.is_dropped


def test_a_connection_whose_last_channel_closed_is_dropped_in_time() -> None:
    wire, channel = at_work()
    wire.door.pass_time(60)
    assert not wire.is_dropped

    wire.say(mining.CloseChannel(channel, "done"))
    wire.door.pass_time(16)

    assert wire.is_dropped


def test_a_kicked_channel_goes_alone_and_the_last_one_hangs_up() -> None:
    wire, first = at_work()
    wire.extended(request_id=2)
    roster = wire.door.roster

    roster.drop(wire.miner(0), "kicked by an operator")

    assert wire.hear() == [mining.CloseChannel(first, "kicked by an operator")]
    assert len(roster.miners) == 1
    roster.drop(wire.miner(), "kicked by an operator")
    assert wire.is_dropped


def test_a_lost_connection_leaves_nothing_behind() -> None:
    wire, _ = at_work()
    wire.extended(request_id=2)

    wire.hang_up()

    door = wire.door
    assert not door.roster.miners
    assert door.hall.board.groups[0].space.slots.held == 0
    assert not door.hall.board.groups[0].members
    door.hall.clock.advance(0)  # the end of the turn in which it spoke
    assert not door.hall.clock.getDelayedCalls()


def test_a_miner_that_breaks_the_rules_is_dropped_alone() -> None:
    wire, _ = at_work()
    other = wire.door.connect().set_up()
    other.extended(request_id=2)

    wire.send(bytes(100))

    assert wire.is_dropped
    assert not other.is_dropped


def test_who_cannot_be_served_hears_why_before_the_end() -> None:
    wire = Door().connect()

    (answer,) = wire.say(
        common.SetupConnection(1, 2, 2, 0, "h", 1, "v", "h", "f", "d"),
    )

    assert answer.error_code == "unsupported-protocol"
    assert wire.is_dropped


def test_limits_and_bans_hold_for_channels_too() -> None:
    door = Door(connections_per_address=1)
    wire = door.connect().set_up()
    wire.extended()

    (refused,) = wire.extended(request_id=2)
    second = door.connect()
    ban(door.connections, network_of("10.0.0.9"), Seconds(1e9), "by an operator")
    banned = door.connect(address="10.0.0.9")

    assert refused.error_code == "channel-capacity-exhausted"
    assert second.is_dropped
    assert banned.is_dropped


def test_a_full_site_opens_no_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    door = Door(Hall(Layout(1, 3)))
    monkeypatch.setattr(space, "MAX_SPACES", 1)
    door.hall.sources[0].post()
    wire = door.connect().set_up()
    slots = door.hall.board.groups[0].space.slots
    while slots.acquire() is not None:
        pass

    (answer,) = wire.extended(min_extranonce_size=2)

    assert answer.error_code == "channel-capacity-exhausted"


def test_a_drained_site_asks_to_reconnect() -> None:
    wire, _ = at_work()

    wire.door.roster.drain(wire.door.hall.context.now())
    wire.door.pass_time(20)

    assert common.Reconnect("", 0) in wire.hear()


def misbehave(wire: Sv2Wire, channel: int, seconds: int, **share: Any) -> list[Any]:
    """Return what is heard while one bad share a second is sent."""
    heard = []
    for _ in range(seconds):
        heard += wire.submit(channel, 1, **share)
        wire.door.pass_time(1)
        heard += wire.hear()
    return heard


@pytest.mark.parametrize("neighbours", [0, 1])
def test_a_bad_channel_moves_none_of_its_neighbours(neighbours: int) -> None:
    wire, bad = at_work()
    for _ in range(neighbours):
        wire.extended(user_identity="rig2")

    heard = misbehave(wire, bad, 179, job_id=999)
    assert heard.count(common.Reconnect("", 0)) == 1 - neighbours
    assert not wire.is_dropped
    last = misbehave(wire, bad, 2, job_id=999)

    closed = [m.channel_id for m in last if isinstance(m, mining.CloseChannel)]
    assert closed == [bad] * neighbours
    assert wire.is_dropped is not bool(neighbours)


@pytest.mark.parametrize("neighbours", [0, 1])
def test_one_that_rolls_forbidden_bits_moves_none_of_its_neighbours(
    neighbours: int,
) -> None:
    wire, bad = at_work()
    for _ in range(neighbours):
        wire.extended(user_identity="rig2")

    heard = misbehave(wire, bad, 45, version=0x60000000)

    assert heard.count(common.Reconnect("", 0)) == 1 - neighbours


def test_a_miner_of_either_version_is_told_by_its_first_bytes() -> None:
    door = Door()
    door.hall.sources[0].post()
    newer = door.connect("auto").set_up()
    older = door.connect("auto")

    heard = newer.extended()
    older.send(b'{"id":1,"method":"mining.')
    older.send(b'subscribe","params":[]}\n')

    assert kinds(heard)[0] is mining.OpenExtendedMiningChannelSuccess
    assert b'"mining.notify"' in older.received()
    assert len(door.roster.miners) == 2


def test_who_says_nothing_is_dropped_in_time() -> None:
    door = Door()
    wire = door.connect("auto")

    door.pass_time(14)
    assert not wire.is_dropped
    door.pass_time(1)
    assert wire.is_dropped


def test_rolling_is_judged_by_what_the_source_allows() -> None:
    door = Door()
    door.hall.sources[0].post(version_mask=0)
    wire = door.connect().set_up()
    opened, job, _ = wire.extended()

    (answer,) = wire.submit(opened.channel_id, 0, version=0x20002000)

    assert job.version_rolling_allowed is False
    assert answer.error_code == "invalid-non-rollable-version-bit"
    assert wire.accepted_nonce(opened.channel_id) >= 0


def test_the_work_says_nothing_of_the_source() -> None:
    """The pool's own bytes are in the prefix: a switch changes no extranonce."""
    door = Door()
    door.hall.sources[0].post()
    _, job, _ = door.connect().set_up().extended()

    work = a_work()
    assert job.coinbase_tx_prefix == work.coinb1 + work.extranonce1


def test_a_job_too_large_for_the_protocol_costs_nobody_else_theirs() -> None:
    door = Door()
    older = door.hall.connect().work()
    wire, _ = at_work(door)
    older.hear()

    door.hall.sources[0].post(coinb1=bytes(65536), coinb2=b"x", clean=True)

    assert wire.is_dropped
    assert any(m.get("method") == "mining.notify" for m in older.hear())


def test_a_long_introduction_is_cut() -> None:
    door = Door()
    door.hall.sources[0].post()
    wire = door.connect().set_up(vendor="v" * 255, firmware="f" * 255)
    wire.extended()

    assert wire.miner().user_agent == "v" * 128


@pytest.mark.parametrize("protocol", ["sv2", "auto"])
def test_nothing_is_left_of_connections_when_a_site_ends(protocol: str) -> None:
    door = Door()
    waiting = set(door.hall.clock.getDelayedCalls())
    wires = [door.connect(protocol), door.connect(protocol).set_up()]
    assert set(door.hall.clock.getDelayedCalls()) > waiting

    door.connections.close_all()
    door.hall.port.close()
    if door.hall.engine == "python":
        for wire in wires:
            wire.connection.connectionLost()  # as Twisted does
    door.hall.clock.advance(0)  # the end of the turn in which they spoke

    assert set(door.hall.clock.getDelayedCalls()) <= waiting


@pytest.mark.parametrize("protocol", ["sv2", "auto"])
def test_who_is_gone_during_the_handshake_is_no_fault_of_ours(protocol: str) -> None:
    door = Door()
    wire: Any = door.connect(protocol)
    first = wire.line.outgoing()

    if door.hall.engine == "native":
        wire._socket.sendall(first)  # not answered before the end is there too
    else:
        wire.send(first)
    wire.hang_up()

    assert not door.connections.open_connections  # and no failure was logged


@pytest.mark.parametrize("protocol", ["sv1", "sv2", "auto"])
def test_limits_bind_connections_that_say_nothing(protocol: str) -> None:
    door = Door(connections_per_address=2, connections=5)

    wires = [door.connect(protocol, f"10.0.0.{n % 3}") for n in range(12)]

    assert sum(not wire.is_dropped for wire in wires) == 5
    for wire in wires:
        if not wire.is_dropped:
            wire.hang_up()
    assert not door.connect(protocol).is_dropped


@pytest.mark.parametrize("protocol", ["sv1", "auto"])
def test_a_connection_of_the_older_version_is_counted_once(protocol: str) -> None:
    door = Door(connections_per_address=1)
    door.hall.sources[0].post()
    wire = door.connect(protocol)

    wire.send(b'{"id":1,"method":"mining.subscribe","params":[]}\n')

    assert b'"id":1' in wire.received()
    assert (len(door.roster.miners), len(door.connections.open_connections)) == (1, 0)
    assert door.connect(protocol).is_dropped


def test_a_connection_of_the_newer_version_is_counted_once() -> None:
    door = Door(connections_per_address=1)
    door.hall.sources[0].post()
    wire = door.connect("auto").set_up()

    assert isinstance(wire.extended()[0], mining.OpenExtendedMiningChannelSuccess)
    assert (len(door.roster.miners), len(door.connections.open_connections)) == (1, 1)
    wire.hang_up()
    assert not door.connections.open_connections


def test_a_connection_that_said_nothing_in_time_is_counted_no_more() -> None:
    door = Door(connections_per_address=1)
    silent = door.connect("auto")

    door.hall.clock.advance(15)

    assert silent.is_dropped
    silent.hang_up()
    assert not door.connect("auto").is_dropped


@pytest.mark.parametrize("protocol", ["sv1", "sv2", "auto"])
def test_who_says_nothing_is_hung_up_on_when_the_site_ends(protocol: str) -> None:
    door = Door()
    wire = door.connect(protocol)

    door.connections.close_all()

    assert wire.is_dropped
