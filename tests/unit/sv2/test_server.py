"""What a miner hears, in which order, and what is asked of us."""

from hashlib import sha256
from typing import Any

import pytest

from protocol.bitcoin.merkle import root_from_branch
from protocol.errors import RemoteError
from protocol.sv2.channel_faults import MAX_CHANNELS
from protocol.sv2.channels import ServerChannel
from protocol.sv2.codec import Message, common, mining
from protocol.sv2.miner_events import (
    ChannelAsked,
    ChannelClosed,
    ChannelUpdated,
    SetupRefused,
    ShareSubmitted,
)
from protocol.sv2.server import OutOfTurnError
from protocol.sv2.tlv import worker_tlv
from tests.builders import a_job, a_work
from tests.fakes.sv2_ends import MinerEnd, a_setup, a_standard, an_extended
from tests.received import received

SLOT = b"\0\0\0\x09"
TARGET = 1 << 250


def set_up() -> MinerEnd:
    miner = MinerEnd()
    miner.say(a_setup())
    return miner


def opened(
    miner: MinerEnd, asked: Message | None = None, slot: bytes = SLOT
) -> ServerChannel:
    miner.say(asked or an_extended())
    return miner.session.open(miner.last(ChannelAsked), slot, 4, TARGET)


def a_share(channel: ServerChannel, **changes: Any) -> mining.SubmitSharesExtended:
    fields: dict[str, Any] = {
        "channel_id": channel.id,
        "sequence_number": 1,
        "job_id": 1,
        "nonce": 2,
        "ntime": 3,
        "version": 4,
        "extranonce": b"abcd",
    }
    return mining.SubmitSharesExtended(**{**fields, **changes})


def test_a_miner_that_introduces_itself_is_welcome() -> None:
    miner = MinerEnd()

    (answer,) = miner.say(a_setup())

    assert answer == common.SetupConnectionSuccess(2, 0)
    assert miner.session.user_agent == "Bitaxe/601/2.9"


@pytest.mark.parametrize(
    ("changes", "flags", "code"),
    [
        ({"protocol": 1}, 0, "unsupported-protocol"),
        ({"min_version": 3, "max_version": 4}, 0, "protocol-version-mismatch"),
        ({"max_version": 1, "min_version": 1}, 0, "protocol-version-mismatch"),
        ({"flags": 0b110}, 0b010, "unsupported-feature-flags"),
        ({"flags": 0b1001}, 0b1000, "unsupported-feature-flags"),
    ],
)
def test_a_miner_that_we_cannot_serve_hears_why(
    changes: dict[str, int], flags: int, code: str
) -> None:
    miner = MinerEnd()

    (answer,) = miner.say(a_setup(**changes))

    assert answer == common.SetupConnectionError(flags, code)
    assert miner.events == [SetupRefused(code)]


@pytest.mark.parametrize(
    "early", [an_extended(), mining.SubmitSharesStandard(1, 2, 3, 4, 5, 6)]
)
def test_nothing_comes_before_setup(early: Message) -> None:
    miner = MinerEnd()

    with pytest.raises(OutOfTurnError, match="before SetupConnection"):
        miner.say(early)


def test_setup_comes_once() -> None:
    miner = set_up()

    with pytest.raises(OutOfTurnError):
        miner.say(a_setup())


def test_what_only_a_server_says_is_out_of_turn() -> None:
    miner = set_up()

    with pytest.raises(OutOfTurnError, match="SetTarget from a miner"):
        miner.say(mining.SetTarget(1, 2))


def test_the_answer_to_open_comes_before_the_job_and_its_start() -> None:
    miner = set_up()
    channel = opened(miner)

    miner.session.send(channel.assign(a_job()))

    heard = miner.hear()
    assert [type(m) for m in heard] == [
        mining.OpenExtendedMiningChannelSuccess,
        mining.NewExtendedMiningJob,
        mining.SetNewPrevHash,
    ]
    success, job, tip = heard
    assert (success.request_id, success.channel_id) == (1, channel.id)
    assert success.target == TARGET
    assert (success.extranonce_prefix, success.extranonce_size) == (SLOT, 4)
    assert job.min_ntime is None
    assert (tip.job_id, tip.channel_id) == (job.job_id, channel.id)
    assert tip.prev_hash == a_job().work.prev_hash


def test_a_miner_is_granted_exactly_the_bytes_that_it_asks_for() -> None:
    miner = set_up()
    channel = opened(miner, an_extended(min_extranonce_size=2))

    (success,) = miner.hear()

    assert success.extranonce_size == 2
    assert success.extranonce_prefix == SLOT + b"\0\0"
    miner.say(a_share(channel, extranonce=b"xy"))
    assert miner.last(ShareSubmitted).extranonce2 == b"\0\0xy"


def test_who_asks_for_no_bytes_gets_all() -> None:
    miner = set_up()
    opened(miner, an_extended(min_extranonce_size=0))

    (success,) = miner.hear()

    assert (success.extranonce_size, success.extranonce_prefix) == (4, SLOT)


def test_a_job_on_the_same_block_starts_at_once() -> None:
    miner = set_up()
    channel = opened(miner)
    miner.session.send(channel.assign(a_job()))
    miner.hear()

    miner.session.send(channel.assign(a_job(seq=2, ntime=1_700_000_009)))

    (job,) = miner.hear()
    assert (job.job_id, job.min_ntime) == (2, 1_700_000_009)


def test_a_job_on_another_block_is_started_by_its_hash() -> None:
    miner = set_up()
    channel = opened(miner)
    miner.session.send(channel.assign(a_job()))
    miner.hear()

    miner.session.send(
        channel.assign(a_job(seq=2, work=a_work(prev_hash=b"\x09" * 32)))
    )

    job, tip = miner.hear()
    assert job.min_ntime is None
    assert (tip.job_id, tip.prev_hash) == (2, b"\x09" * 32)


def test_a_job_of_another_difficulty_of_the_network_is_started_anew() -> None:
    miner = set_up()
    channel = opened(miner)
    miner.session.send(channel.assign(a_job()))
    miner.hear()

    miner.session.send(channel.assign(a_job(seq=2, work=a_work(nbits=0x1C00FFFF))))

    assert miner.hear()[1].nbits == 0x1C00FFFF


def test_a_job_does_not_begin_before_its_block() -> None:
    miner = set_up()
    channel = opened(miner)
    miner.session.send(channel.assign(a_job(ntime=1_700_000_050)))
    miner.hear()

    miner.session.send(channel.assign(a_job(seq=2, ntime=1_700_000_009)))

    assert miner.hear()[0].min_ntime == 1_700_000_050


def test_an_extended_job_holds_the_coinbase_around_the_extranonce() -> None:
    miner = set_up()
    channel = opened(miner)
    miner.hear()
    job = a_job()

    miner.session.send(channel.assign(job))

    heard = miner.hear()[0]
    assert heard.channel_id == channel.id
    assert heard.coinbase_tx_prefix == job.coinb1
    assert heard.coinbase_tx_suffix == job.work.coinb2
    assert heard.merkle_path == job.work.merkle_branch
    assert heard.version_rolling_allowed is True


def test_rolling_is_not_allowed_where_the_source_takes_fewer_bits() -> None:
    miner = set_up()
    channel = opened(miner)
    miner.hear()

    miner.session.send(channel.assign(a_job(work=a_work(version_mask=0x00C00000))))

    assert miner.hear()[0].version_rolling_allowed is False


def test_one_job_goes_to_each_channel_under_its_own_id() -> None:
    miner = set_up()
    first, second = opened(miner), opened(miner, slot=b"\0\0\0\x0a")
    miner.hear()
    job = a_job()

    miner.session.send([*first.assign(job), *second.assign(job)])

    jobs = [m for m in miner.hear() if isinstance(m, mining.NewExtendedMiningJob)]
    assert [m.channel_id for m in jobs] == [first.id, second.id]
    assert jobs[0].coinbase_tx_prefix == jobs[1].coinbase_tx_prefix


def test_a_standard_channel_hears_the_root_of_its_own_coinbase() -> None:
    miner = set_up()
    channel = opened(miner, a_standard())
    (success,) = miner.hear()
    job = a_job()

    miner.session.send(channel.assign(job))

    heard, tip = miner.hear()
    assert isinstance(success, mining.OpenStandardMiningChannelSuccess)
    assert success.extranonce_prefix == SLOT + bytes(4)
    coinbase = job.coinb1 + success.extranonce_prefix + job.work.coinb2
    txid = sha256(sha256(coinbase).digest()).digest()
    assert heard.merkle_root == root_from_branch(txid, job.work.merkle_branch)
    assert (heard.min_ntime, tip.job_id) == (None, heard.job_id)


def test_a_share_of_a_standard_channel_has_the_fixed_extranonce() -> None:
    miner = set_up()
    channel = opened(miner, a_standard())

    miner.say(mining.SubmitSharesStandard(channel.id, 9, 1, 2, 3, 4))

    share = miner.last(ShareSubmitted)
    assert (share.channel, share.sequence) == (channel, 9)
    assert share.extranonce2 == bytes(4)
    assert (share.job_id, share.nonce, share.ntime, share.version) == (1, 2, 3, 4)


@pytest.mark.parametrize("standard", [False, True])
def test_a_share_of_another_kind_or_channel_is_refused_at_once(
    standard: bool,  # noqa: FBT001
) -> None:
    miner = set_up()
    channel = opened(miner, a_standard() if standard else an_extended())
    miner.hear()
    wrong: Message = mining.SubmitSharesStandard(channel.id, 5, 1, 2, 3, 4)
    if standard:
        wrong = a_share(channel, sequence_number=5)

    answers = miner.say(wrong, mining.SubmitSharesStandard(999, 6, 1, 2, 3, 4))

    assert answers == [
        mining.SubmitSharesError(channel.id, 5, "invalid-channel-id"),
        mining.SubmitSharesError(999, 6, "invalid-channel-id"),
    ]


def test_refusals_come_before_what_accepts_the_rest() -> None:
    miner = set_up()
    channel = opened(miner)
    miner.hear()
    channel.accept(1, 2.5)
    channel.refuse(2, "stale-share")
    channel.accept(3, 2.0)

    miner.session.send(channel.answers())

    assert miner.hear() == [
        mining.SubmitSharesError(channel.id, 2, "stale-share"),
        mining.SubmitSharesSuccess(channel.id, 3, 2, 4),
    ]
    assert channel.answers() == []


def test_parts_of_a_difficulty_add_up() -> None:
    channel = opened(set_up())
    sums = []
    for sequence in range(5):
        channel.accept(sequence, 0.5)
        (frame,) = channel.answers()
        sums.append(int.from_bytes(frame[-8:], "little"))

    assert sums == [0, 1, 0, 1, 0]


def test_who_needs_standard_jobs_gets_no_extended_channel() -> None:
    miner = MinerEnd()
    miner.say(a_setup(flags=1))

    (answer,) = miner.say(an_extended(request_id=5))

    assert answer == mining.OpenMiningChannelError(
        5, "extended-channels-not-supported-for-standard-jobs"
    )


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"nominal_hash_rate": float("nan")}, "invalid-nominal-hashrate"),
        ({"nominal_hash_rate": float("inf")}, "invalid-nominal-hashrate"),
        ({"nominal_hash_rate": -1.0}, "invalid-nominal-hashrate"),
        ({"max_target": 0}, "max-target-out-of-range"),
    ],
)
def test_a_channel_that_makes_no_sense_is_refused(
    changes: dict[str, Any], code: str
) -> None:
    miner = set_up()

    (answer,) = miner.say(a_standard(**changes))

    assert answer == mining.OpenMiningChannelError(1, code)


def test_a_connection_has_a_limit_of_channels() -> None:
    miner = set_up()
    channel = opened(miner)
    miner.hear()
    miner.session.channels.update(dict.fromkeys(range(5, MAX_CHANNELS + 4), channel))

    (answer,) = miner.say(an_extended())

    assert isinstance(answer, mining.OpenMiningChannelError)


def test_a_miner_may_ask_to_name_workers() -> None:
    miner = set_up()
    channel = opened(miner)
    miner.hear()
    named = a_share(channel, trailing=worker_tlv("rig7"))

    miner.say(named)
    before = miner.last(ShareSubmitted).worker
    answers = miner.say(common.RequestExtensions(3, (2, 9)))
    miner.say(named)

    assert before is None
    assert answers == [common.RequestExtensionsSuccess(3, (2,))]
    assert miner.last(ShareSubmitted).worker == "rig7"


def test_extensions_that_we_do_not_have_are_refused() -> None:
    miner = set_up()

    (answer,) = miner.say(common.RequestExtensions(3, (9,)))

    assert answer == common.RequestExtensionsError(3, (9,), ())


def test_a_custom_job_is_refused() -> None:
    miner = set_up()
    job = mining.SetCustomMiningJob(
        1, 4, b"", 2, bytes(32), 3, 4, 2, b"", 5, b"", 6, ()
    )

    (answer,) = miner.say(job)

    assert answer == mining.SetCustomMiningJobError(1, 4, "invalid-mining-job-token")


def test_an_update_is_passed_on_or_refused() -> None:
    miner = set_up()
    channel = opened(miner)
    miner.hear()

    answers = miner.say(
        mining.UpdateChannel(channel.id, 2e12, 1 << 240),
        mining.UpdateChannel(999, 2e12, 1 << 240),
        mining.UpdateChannel(channel.id, float("nan"), 1 << 240),
        mining.UpdateChannel(channel.id, 2e12, 0),
    )

    update = miner.last(ChannelUpdated)
    assert update.hashrate == pytest.approx(2e12, rel=1e-6)
    assert update.max_target == 1 << 240
    assert [m.error_code for m in answers] == [
        "invalid-channel-id",
        "invalid-nominal-hashrate",
        "max-target-out-of-range",
    ]


def test_a_closed_channel_is_no_channel() -> None:
    miner = set_up()
    first, second = opened(miner), opened(miner)
    miner.hear()

    miner.say(mining.CloseChannel(first.id, "done"), mining.CloseChannel(77, "what"))

    assert miner.last(ChannelClosed).channel is first
    assert list(miner.session.channels.values()) == [second]
    (answer,) = miner.say(a_share(first))
    assert answer.error_code == "invalid-channel-id"


def test_closing_the_group_closes_all_its_channels() -> None:
    miner = set_up()
    both = [opened(miner), opened(miner)]
    group = miner.hear()[0].group_channel_id

    miner.say(mining.CloseChannel(group, "done"))

    closed = [e.channel for e in miner.events if isinstance(e, ChannelClosed)]
    assert closed == both
    assert not miner.session.channels


def test_ids_of_channels_and_group_are_never_the_same() -> None:
    miner = set_up()
    channels = [opened(miner) for _ in range(3)]
    groups = {m.group_channel_id for m in miner.hear()}

    assert len({c.id for c in channels} | groups) == 4


def test_we_close_a_channel_with_a_reason() -> None:
    miner = set_up()
    channel = opened(miner)
    miner.hear()

    miner.session.close(channel, "banned")
    miner.session.ask_to_reconnect()

    assert miner.hear() == [
        mining.CloseChannel(channel.id, "banned"),
        common.Reconnect("", 0),
    ]


def test_bytes_that_nobody_sealed_end_the_conversation() -> None:
    miner = set_up()

    with pytest.raises(RemoteError):
        list(received(miner.session, bytes(64)))
