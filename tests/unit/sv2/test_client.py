"""What a pool's messages mean, and what it hears from us."""

from typing import Any

import pytest

from protocol.bitcoin.target import MAX_TARGET
from protocol.errors import MalformedMessageError, RemoteError
from protocol.noise.certificate import CertificateError
from protocol.sv2.client import MAX_PAYLOAD_BYTES
from protocol.sv2.codec import Message, common, encode, mining
from protocol.sv2.line import ClientLine
from protocol.sv2.pool_channel import MAX_FUTURE_JOBS, MAX_PATH
from protocol.sv2.refused import ChannelRefusedError
from protocol.sv2.setup import Caller
from protocol.sv2.tlv import worker_of
from protocol.sv2.unanswered import MAX_UNANSWERED, Unanswered
from protocol.units import HashesPerSecond, Seconds
from protocol.work.job import MAX_COINB1_BYTES, MAX_COINB2_BYTES, Work
from protocol.work.pool_events import (
    AuthorizationRefused,
    Authorized,
    ExtranonceChanged,
    MessageShown,
    ReconnectAsked,
    ShareAnswered,
    ShareRefusal,
    Subscribed,
    WorkReceived,
)
from tests.fakes.sv2_ends import PoolEnd, a_job, a_tip
from tests.noise_peers import NOW, an_authority, an_initiator
from tests.received import received

MASK = 0x1FFFFFE0


def working() -> PoolEnd:
    pool = PoolEnd()
    pool.opened()
    pool.say(a_job(), a_tip())
    return pool


def works(events: list[Any]) -> list[Work]:
    return [event.work for event in events if isinstance(event, WorkReceived)]


def submit(pool: PoolEnd, worker: str = "rig1") -> tuple[int, Any]:
    number, data = pool.session.submit(
        worker, "1", b"\0" * 8, 1_700_000_001, 5, 0x20002000
    )
    return number, pool.take(data)[-1]


def test_we_introduce_ourselves_once_the_line_is_encrypted() -> None:
    pool = PoolEnd()

    (setup,) = pool.heard
    assert isinstance(setup, common.SetupConnection)
    assert (setup.protocol, setup.min_version, setup.max_version) == (0, 2, 2)
    assert (setup.endpoint_host, setup.endpoint_port) == ("pool.example", 3336)
    assert setup.flags == 0


def test_who_must_roll_versions_says_so() -> None:
    caller = Caller("h", 1, "baseload", "1", "site", requires_rolling=True)

    (setup,) = PoolEnd(caller=caller).heard

    assert setup.flags == common.SetupFlag.REQUIRES_VERSION_ROLLING


def test_a_pool_of_another_version_is_not_mined_on() -> None:
    with pytest.raises(ChannelRefusedError, match="version 3, was asked for 2"):
        PoolEnd().say(common.SetupConnectionSuccess(3, 0))


def test_one_extended_channel_is_asked_for() -> None:
    pool = PoolEnd()
    pool.say(common.SetupConnectionSuccess(2, 0))

    extensions, channel = pool.heard[1:]
    assert extensions == common.RequestExtensions(1, (2,))
    assert channel.nominal_hash_rate == pytest.approx(1e15, rel=1e-6)
    assert (channel.user_identity, channel.max_target) == ("site", MAX_TARGET)
    assert channel.min_extranonce_size == 8


def test_an_open_channel_is_a_subscription() -> None:
    events = PoolEnd().opened()

    assert events == [Subscribed(b"\xaa\xbb\xcc\xdd", 8, MASK), Authorized()]


def test_a_future_job_is_no_work_before_its_block() -> None:
    pool = PoolEnd()
    pool.opened()

    assert works(pool.say(a_job())) == []
    (work,) = works(pool.say(a_tip()))
    assert (work.source, work.source_job, work.session) == ("main", "1", 7)
    assert work.prev_hash == bytes(range(32))
    assert work.coinb1 == b"\x01" * 40
    assert work.extranonce1 == b"\xaa\xbb\xcc\xdd"
    assert work.extranonce2_size == 8
    assert work.merkle_branch == (b"\x03" * 32,)
    assert (work.ntime, work.nbits) == (1_700_000_000, 0x1D00FFFF)
    assert work.clean
    assert work.version_mask == MASK
    assert work.target == 1 << 240
    assert work.block_target == 0xFFFF << 208


def test_a_block_that_misses_the_pools_target_is_none_for_the_pool() -> None:
    pool = PoolEnd()
    pool.opened()

    pool.say(a_job(), mining.SetTarget(7, 1 << 200))
    (work,) = works(pool.say(a_tip(nbits=0x207FFFFF)))

    assert work.target == work.block_target == 1 << 200


def test_a_job_with_its_time_starts_at_once_on_the_running_block() -> None:
    pool = working()

    (work,) = works(pool.say(a_job(2, min_ntime=1_700_000_030)))

    assert (work.source_job, work.ntime, work.clean) == ("2", 1_700_000_030, False)
    assert work.prev_hash == bytes(range(32))


def test_a_target_holds_for_jobs_that_start_later() -> None:
    pool = working()
    pool.say(a_job(2), mining.SetTarget(7, 1 << 230))

    (queued,) = works(pool.say(a_tip(2)))
    pool.say(mining.SetTarget(7, 1 << 220))
    (fresh,) = works(pool.say(a_job(3, min_ntime=1_700_000_030)))

    assert queued.target == 1 << 230
    assert fresh.target == 1 << 220


def test_a_new_block_ends_all_other_future_jobs() -> None:
    pool = working()
    pool.say(a_job(2), a_job(3), a_tip(3))

    with pytest.raises(RemoteError, match="starts job 2, not kept"):
        pool.say(a_tip(2))


def test_what_is_addressed_to_our_group_is_ours() -> None:
    pool = PoolEnd()
    pool.opened()

    events = pool.say(
        a_job(1, channel_id=1), mining.SetTarget(1, 1 << 230), a_tip(1, channel_id=1)
    )

    (work,) = works(events)
    assert work.target == 1 << 230


def test_we_may_be_put_into_another_group() -> None:
    pool = PoolEnd()
    pool.opened(group_channel_id=None)
    pool.say(mining.SetGroupChannel(40, (6, 7)))

    assert works(pool.say(a_job(1, channel_id=40), a_tip(1, channel_id=40)))
    pool.say(mining.SetGroupChannel(41, (6,)))
    assert works(pool.say(a_job(2, channel_id=40, min_ntime=1_700_000_009)))


def test_what_is_addressed_to_others_is_passed_over() -> None:
    pool = working()

    assert pool.say(a_job(2, channel_id=8, min_ntime=5), a_tip(9, channel_id=8)) == []


def test_another_prefix_holds_for_jobs_that_are_sent_later() -> None:
    pool = working()
    pool.say(a_job(2))

    (event,) = pool.say(mining.SetExtranoncePrefix(7, b"\x11\x22\x33\x44"))
    pool.say(a_job(3))
    (old,) = works(pool.say(a_tip(2)))
    (new,) = works(pool.say(a_job(4, min_ntime=1_700_000_030)))

    assert event == ExtranonceChanged(b"\x11\x22\x33\x44", 8)
    assert old.extranonce1 == b"\xaa\xbb\xcc\xdd"
    assert new.extranonce1 == b"\x11\x22\x33\x44"


def test_a_job_whose_version_is_fixed_says_so_first() -> None:
    pool = working()

    told, work = pool.say(
        a_job(2, min_ntime=1_700_000_030, version_rolling_allowed=False)
    )

    assert told == Subscribed(b"\xaa\xbb\xcc\xdd", 8, 0)
    assert work.work.version_mask == 0


@pytest.mark.parametrize(
    "broken",
    [
        a_job(2, min_ntime=5, merkle_path=(bytes(32),) * 33),
        a_job(2, min_ntime=5, coinbase_tx_prefix=bytes(MAX_COINB1_BYTES + 1)),
        a_job(2, coinbase_tx_prefix=bytes(MAX_COINB1_BYTES + 1)),
        mining.SetTarget(7, 0),
        mining.SetExtranoncePrefix(7, b"x"),
        a_tip(77),
        mining.CloseChannel(7, "bye"),
        mining.CloseChannel(1, "bye"),
        mining.OpenExtendedMiningChannelSuccess(1, 8, 1 << 240, 8, b"", 1),
    ],
)
def test_a_pool_that_breaks_the_rules_is_left(broken: Message) -> None:
    with pytest.raises(RemoteError):
        working().say(broken)


def test_a_job_at_the_limits_is_taken() -> None:
    parts = bytes(MAX_COINB1_BYTES), b"\x01" * MAX_COINB2_BYTES
    largest = a_job(
        2,
        min_ntime=1_700_000_030,
        coinbase_tx_prefix=parts[0],
        coinbase_tx_suffix=parts[1],
        merkle_path=(bytes(32),) * MAX_PATH,
    )

    (work,) = works(working().say(largest))

    assert (work.coinb1, work.coinb2) == parts


def test_a_job_on_no_block_is_an_error() -> None:
    pool = PoolEnd()
    pool.opened()

    with pytest.raises(RemoteError, match="before any SetNewPrevHash"):
        pool.say(a_job(1, min_ntime=5))


def test_a_block_without_a_target_is_an_error() -> None:
    pool = PoolEnd()
    pool.opened()
    pool.say(a_job())

    with pytest.raises(RemoteError, match="nbits"):
        pool.say(a_tip(nbits=0))


def test_the_oldest_future_job_gives_way() -> None:
    pool = PoolEnd()
    pool.opened()
    pool.say(*(a_job(number) for number in range(MAX_FUTURE_JOBS)))
    pool.say(a_job(0))  # anew: now the newest
    pool.say(a_job(MAX_FUTURE_JOBS))

    with pytest.raises(RemoteError, match="starts job 1, not kept"):
        pool.say(a_tip(1))
    (work,) = works(pool.say(a_tip(0)))
    assert work.source_job == "0"


def test_a_channel_too_wide_for_a_coinbase_is_refused() -> None:
    with pytest.raises(RemoteError, match=r"extranonce of 4 \+ 29 B"):
        PoolEnd().opened(extranonce_size=29)


def test_a_share_goes_out_with_all_that_its_header_needs() -> None:
    pool = working()

    number, share = submit(pool)

    assert share == mining.SubmitSharesExtended(
        7, number, 1, 5, 1_700_000_001, 0x20002000, b"\0" * 8
    )


def test_a_pool_that_tracks_workers_hears_whose_a_share_is() -> None:
    pool = working()
    pool.say(common.RequestExtensionsSuccess(1, (2,)))

    _, named = submit(pool, "rig7")
    _, unnamed = submit(pool, "x" * 33)

    assert worker_of(named.trailing) == "rig7"
    assert unnamed.trailing == b""


def test_one_answer_accepts_all_shares_up_to_its_number() -> None:
    pool = working()
    numbers = [submit(pool)[0] for _ in range(4)]

    refused = pool.say(mining.SubmitSharesError(7, numbers[1], "stale-share"))
    accepted = pool.say(mining.SubmitSharesSuccess(7, numbers[2], 2, 4))

    assert refused == [ShareAnswered(numbers[1], ShareRefusal.STALE, "stale-share")]
    assert [e.submit_id for e in accepted] == [numbers[0], numbers[2]]
    assert all(e.accepted for e in accepted)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("stale-share", ShareRefusal.STALE),
        ("invalid-job-id", ShareRefusal.STALE),
        ("duplicate-share", ShareRefusal.DUPLICATE),
        ("difficulty-too-low", ShareRefusal.LOW_DIFFICULTY),
        ("bad-extranonce-size", ShareRefusal.OTHER),
        ("a code of tomorrow", ShareRefusal.OTHER),
    ],
)
def test_codes_are_understood(code: str, reason: ShareRefusal) -> None:
    pool = working()
    number, _ = submit(pool)

    assert pool.say(mining.SubmitSharesError(7, number, code)) == [
        ShareAnswered(number, reason, code)
    ]


def test_an_answer_to_no_share_is_passed_over() -> None:
    pool = working()

    assert pool.say(mining.SubmitSharesError(7, 99, "stale-share")) == []
    assert pool.say(mining.SubmitSharesSuccess(7, 99, 1, 1)) == []


def test_an_answer_on_another_channel_is_none_of_ours() -> None:
    pool = working()
    number, _ = submit(pool)

    assert pool.say(mining.SubmitSharesError(8, number, "stale-share")) == []
    assert pool.say(mining.SubmitSharesSuccess(8, number, 1, 1)) == []
    assert pool.say(mining.SubmitSharesSuccess(7, number, 1, 1)) == [
        ShareAnswered(number, None, "")
    ]


def test_sequence_numbers_go_round() -> None:
    shares = Unanswered()
    shares._last = 2**32 - 2
    numbers = [shares.add() for _ in range(3)]

    assert numbers == [2**32 - 1, 0, 1]
    assert list(shares.accepted(0)) == [2**32 - 1, 0]
    assert list(shares.accepted(1)) == [1]


def test_shares_that_are_never_answered_have_a_limit() -> None:
    shares = Unanswered()
    for _ in range(MAX_UNANSWERED + 5):
        shares.add()

    assert len(list(shares.accepted(MAX_UNANSWERED + 5))) == MAX_UNANSWERED


def test_a_share_without_a_channel_cannot_be_sent() -> None:
    with pytest.raises(RemoteError, match="opened no channel"):
        submit(PoolEnd())


def test_the_pool_hears_of_a_new_hashrate_once_a_second() -> None:
    pool = working()
    tell = pool.session.update

    told = [
        tell(HashesPerSecond(rate), Seconds(at))
        for rate, at in [(1.05e15, 1.0), (2e15, 1.0), (4e15, 1.9), (4e15, 2.0)]
    ]

    assert [bool(data) for data in told] == [False, True, False, True]
    (update,) = pool.take(told[1])
    assert update.nominal_hash_rate == pytest.approx(2e15, rel=1e-6)
    assert update.maximum_target == MAX_TARGET


def test_a_hashrate_is_not_told_before_there_is_a_channel() -> None:
    assert PoolEnd().session.update(HashesPerSecond(9e15), Seconds(5.0)) == b""


def test_an_unknown_user_is_a_refusal() -> None:
    pool = PoolEnd()
    pool.say(common.SetupConnectionSuccess(2, 0))

    events = pool.say(mining.OpenMiningChannelError(1, "unknown-user"))

    assert events == [AuthorizationRefused("unknown-user")]


@pytest.mark.parametrize(("user", "is_said"), [("é" * 127, True), ("é" * 128, False)])
def test_a_user_too_long_to_be_said_is_a_refusal(user: str, is_said: bool) -> None:  # noqa: FBT001
    pool = PoolEnd(caller=Caller("h", 1, "baseload", "1", user))

    events = pool.say(common.SetupConnectionSuccess(2, 0))

    long = AuthorizationRefused("256 B > 255 B, the most that Stratum V2 can say")
    assert events == ([] if is_said else [long])
    assert len(pool.heard) == (3 if is_said else 1)


def test_who_asks_for_too_many_bytes_asks_again_for_fewer() -> None:
    pool = PoolEnd()
    pool.say(common.SetupConnectionSuccess(2, 0))

    code = "unsupported-min-extranonce-size: main leaves 2 B"
    sizes = []
    for _ in range(5):
        pool.say(mining.OpenMiningChannelError(1, code))
        sizes.append(pool.heard[-1].min_extranonce_size)

    assert sizes == [7, 6, 5, 4, 3]
    with pytest.raises(ChannelRefusedError, match="min-extranonce-size-too-large"):
        pool.say(mining.OpenMiningChannelError(1, "min-extranonce-size-too-large"))


@pytest.mark.parametrize(
    "refusal",
    [
        common.SetupConnectionError(0, "unsupported-\x1b[31mprotocol"),
        mining.OpenMiningChannelError(1, "max-target-\x07out-of-range"),
    ],
)
def test_a_refusal_is_shown_without_control_characters(refusal: Message) -> None:
    pool = PoolEnd()

    with pytest.raises(ChannelRefusedError) as refused:
        pool.say(refusal)

    assert str(refused.value).isprintable()


def test_a_refused_update_is_shown() -> None:
    (event,) = working().say(mining.UpdateChannelError(7, "invalid-channel-id"))

    assert event == MessageShown("UpdateChannel: invalid-channel-id")


@pytest.mark.parametrize(
    ("message", "event"),
    [
        (common.Reconnect("", 0), ReconnectAsked(None, None, Seconds(0.0))),
        (common.Reconnect("b", 34), ReconnectAsked("b", 34, Seconds(0.0))),
    ],
)
def test_the_pool_may_ask_to_reconnect(message: Message, event: ReconnectAsked) -> None:
    assert working().say(message) == [event]


@pytest.mark.parametrize("host", ["no such host", "a..b", "a\nfake line", "é"])
def test_a_reconnect_to_nowhere_is_malformed(host: str) -> None:
    with pytest.raises(MalformedMessageError, match="Reconnect to '"):
        working().say(common.Reconnect(host, 34))


def test_what_we_do_not_know_is_passed_over() -> None:
    pool = working()

    assert pool.say(common.ChannelEndpointChanged(7)) == []
    assert pool.say(common.RequestExtensionsError(1, (2,), ())) == []


def test_a_server_that_the_authority_did_not_sign_gets_nothing() -> None:
    line = ClientLine(MAX_PAYLOAD_BYTES, an_initiator(an_authority(5).key), NOW)

    with pytest.raises(CertificateError, match=an_authority(5).key.text):
        PoolEnd(line=line)


def test_a_refusal_in_words_that_are_no_utf8_is_a_refusal() -> None:
    pool = working()
    number, _ = submit(pool)

    pool.line.send(
        [
            encode(mining.SubmitSharesError(7, number, "@@@")).replace(
                b"@@@", b"\xff\xfe!"
            )
        ]
    )
    (answer,) = received(pool.session, pool.line.outgoing())

    assert isinstance(answer, ShareAnswered)
    assert answer.refusal is ShareRefusal.OTHER
