"""Who comes before it is known how the extranonce is cut, or needs more of it."""

from typing import Any

import pytest

from protocol.sv2.codec import common, mining
from protocol.work.extranonce import Layout
from protocol.work.share import JudgedShare
from tests.fakes.hall import AUTHORIZE, SUBSCRIBE, Hall, methods
from tests.fakes.sv2_wire import Door

EVERY = (1 << 256) - 1


def slot_and_size(answers: list[dict[str, Any]]) -> tuple[str, int]:
    _, slot, size = next(a["result"] for a in answers if a.get("id") == 2)
    return slot, size


def tell(hall: Hall, room: int, source: int = 0) -> None:
    """Have a source say how much room it leaves, and give work."""
    hall.sources[source].room = room
    hall.sources[source].post(target=EVERY)


def sweep(hall: Hall, seconds: int) -> None:
    """Let time pass, and do what a site does in each second of it."""
    roster, board = hall.connections.roster, hall.board
    for _ in range(seconds):
        hall.pass_time(1)
        choice = board.source_choice
        those, choice.to_reconnect = choice.to_reconnect, []
        roster.move(those, hall.context.now())
        roster.sweep(hall.context.now())


def test_a_miner_waits_until_it_is_known_how_large_its_slot_is() -> None:
    hall = Hall(layout=None)
    wire = hall.connect()

    assert wire.say(SUBSCRIBE, AUTHORIZE) == []
    tell(hall, 4)

    heard = wire.hear()
    assert slot_and_size(heard) == ("00", 3)
    assert methods(heard)[:2] == [2, 3]
    assert "mining.notify" in methods(heard)


def test_what_it_finds_then_is_taken_from_it() -> None:
    hall = Hall(layout=None)
    wire = hall.connect()
    wire.say(SUBSCRIBE, AUTHORIZE)
    tell(hall, 8)

    assert any(wire.submit(n)["result"] for n in range(100))


def test_no_miner_waits_longer_than_ten_seconds() -> None:
    hall = Hall(layout=None)
    wire = hall.connect()
    wire.say(SUBSCRIBE, AUTHORIZE)

    hall.pass_time(9)
    assert wire.hear() == []
    hall.pass_time(1)
    assert slot_and_size(wire.hear()) == ("00000000", 4)


def test_then_it_is_seated_as_miners_were_in_the_last_run() -> None:
    hall = Hall(layout=None, recalled=Layout(1, 3))
    wire = hall.connect()
    wire.say(SUBSCRIBE)
    hall.pass_time(10)

    assert slot_and_size(wire.hear()) == ("00", 3)


def test_who_waits_for_us_is_not_late() -> None:
    hall = Hall(layout=None)
    wire = hall.connect()
    hall.connections.roster.miners[wire.miner.id] = wire.miner
    sweep(hall, 14)
    wire.say(SUBSCRIBE)
    sweep(hall, 9)
    tell(hall, 8)
    sweep(hall, 14)

    assert "did not" not in str(wire.miner.outbox)
    assert slot_and_size(wire.hear()) == ("00000000", 4)


def test_who_goes_while_it_waits_takes_no_seat() -> None:
    hall = Hall(layout=None)
    wire = hall.connect()
    wire.say(SUBSCRIBE)
    wire.miner.leave()
    tell(hall, 8)

    spaces = hall.board.slots.spaces
    assert spaces
    assert spaces.held == 0


def test_who_sends_on_and_on_instead_of_waiting_is_dropped() -> None:
    hall = Hall(layout=None)
    wire = hall.connect()
    dropped: list[str] = []
    hall.context.drop = lambda _miner, why: dropped.append(why)
    wire.say(SUBSCRIBE)
    if hall.engine == "native":  # its port hangs up by itself
        wire.say(*[AUTHORIZE] * 40)
        assert wire.miner.outbox is not None
        return

    with pytest.raises(Exception, match="more than 32 requests"):
        wire.say(*[AUTHORIZE] * 40)


def test_a_layout_that_no_source_fits_is_left_with_one_reconnect() -> None:
    hall = Hall(layout=None)
    wire = hall.connect()
    wire.say(SUBSCRIBE, AUTHORIZE)
    hall.pass_time(10)
    wire.hear()
    tell(hall, 4)
    sweep(hall, 60)

    heard = [m["method"] for m in wire.hear() if m.get("method")]
    assert heard.count("client.reconnect") == 1
    wire.miner.leave()
    again = hall.connect()
    tell(hall, 4)  # on the connection that the new layout has of its own
    heard = again.say(SUBSCRIBE, AUTHORIZE)
    assert slot_and_size(heard)[1] == 3
    assert "mining.notify" in methods(heard)


def test_a_guess_that_fits_moves_nobody() -> None:
    hall = Hall(layout=None)
    wire = hall.connect()
    wire.say(SUBSCRIBE, AUTHORIZE)
    hall.pass_time(10)
    wire.hear()
    tell(hall, 12)
    sweep(hall, 60)

    heard = [m.get("method") for m in wire.hear()]
    assert "client.reconnect" not in heard
    assert "mining.notify" in heard


def test_who_has_work_stays_though_another_source_leaves_less() -> None:
    hall = Hall(layout=None, sources=2)
    tell(hall, 8)
    hall.pass_time(3)
    wire = hall.connect().work()
    tell(hall, 4, source=1)
    sweep(hall, 60)

    assert "client.reconnect" not in [m.get("method") for m in wire.hear()]
    assert hall.board.slots.why_not_here(hall.sources[1]) == (
        "leaves 4 B of extranonce2, layout 4+4 needs 8"
    )


def test_when_only_the_smaller_one_is_left_miners_come_anew() -> None:
    hall = Hall(layout=None, sources=2)
    tell(hall, 8)
    hall.pass_time(3)
    wire = hall.connect().work()
    tell(hall, 4, source=1)
    hall.sources[0].lose()
    sweep(hall, 60)

    assert "client.reconnect" in [m.get("method") for m in wire.hear()]
    again = hall.connect().work()
    tell(hall, 4, source=1)  # on the connection that the new layout has of its own
    assert again.miner.group
    assert again.miner.group.sourcing.source_name == "pool1"
    assert again.miner.group.layout.name == "1+3"


def test_a_channel_waits_as_well() -> None:
    door = Door(Hall(layout=None))
    wire = door.connect().set_up()

    assert wire.extended() == []
    tell(door.hall, 8)

    heard = wire.hear()
    assert isinstance(heard[0], mining.OpenExtendedMiningChannelSuccess)
    assert heard[0].extranonce_size == 4
    wire.accepted_nonce(heard[0].channel_id)


def test_a_connection_whose_channel_waits_is_not_late() -> None:
    door = Door(Hall(layout=None))
    wire = door.connect().set_up()
    door.pass_time(12)
    wire.extended()
    door.pass_time(8)

    assert not wire.is_dropped
    door.pass_time(2)
    assert isinstance(wire.hear()[0], mining.OpenExtendedMiningChannelSuccess)


def test_a_channel_that_no_source_fits_is_asked_to_come_anew() -> None:
    door = Door(Hall(layout=None))
    wire = door.connect().set_up()
    wire.extended()
    door.pass_time(10)
    wire.hear()
    tell(door.hall, 4)
    sweep(door.hall, 40)

    assert [type(m) for m in wire.hear()].count(common.Reconnect) == 1


# proxies


def padding_of(share: JudgedShare) -> bytes:
    assert share.job
    return share.job.padding


def a_proxy(hall: Hall, rolled: int) -> tuple[Any, Any]:
    """Return a connection of V2 and the channel that a proxy opened on it."""
    wire = Door(hall).connect().set_up()
    return wire, wire.extended(min_extranonce_size=rolled)[0]


def test_a_proxy_hashes_the_jobs_of_miners_with_a_shorter_slot() -> None:
    hall = Hall(layout=None)
    tell(hall, 8)
    miner = hall.connect().work()

    wire, opened = a_proxy(hall, 6)
    nonce = wire.accepted_nonce(opened.channel_id, extranonce=b"abcdef")

    assert opened.extranonce_size == 6
    assert opened.extranonce_prefix == b"\xe0\0"
    share = hall.sink.sent[-1][0]
    assert (share.slot, share.extranonce2, share.nonce) == (
        b"\xe0\0",
        b"abcdef",
        nonce,
    )
    assert wire.miner().group is miner.miner.group


def test_a_proxy_gets_as_much_as_there_is_in_a_group_of_its_own() -> None:
    hall = Hall(layout=None)
    hall.sources[0].numbering_bytes = 2
    tell(hall, 12)
    miner = hall.connect().work()

    wire, opened = a_proxy(hall, 8)
    wire.accepted_nonce(opened.channel_id, extranonce=bytes(8))

    assert opened.extranonce_size == 8
    assert wire.miner().group is not miner.miner.group
    assert padding_of(hall.sink.sent[-1][0]) == b"\xe0\0"
    miner.accepted_nonce()
    assert padding_of(hall.sink.sent[-1][0]) == bytes(4)


def test_a_proxy_and_a_miner_submit_on_one_source() -> None:
    hall = Hall(layout=None)
    tell(hall, 12)
    miner = hall.connect().work()
    wire, opened = a_proxy(hall, 10)

    wire.accepted_nonce(opened.channel_id, extranonce=bytes(10))
    miner.accepted_nonce()

    upstream = {padding_of(s) + s.slot + s.extranonce2 for s, _ in hall.sink.sent}
    assert {len(extranonce) for extranonce in upstream} == {12}
    assert {extranonce[0] < 0xE0 for extranonce in upstream} == {True, False}


def test_a_proxy_that_no_source_fits_any_more_is_asked_to_come_anew() -> None:
    hall = Hall(layout=None, sources=2)
    tell(hall, 12)
    hall.pass_time(3)
    wire, _ = a_proxy(hall, 10)
    tell(hall, 8, source=1)
    hall.sources[0].lose()
    wire.hear()
    sweep(hall, 40)

    assert common.Reconnect in [type(m) for m in wire.hear()]


def test_the_refusal_of_a_proxy_names_the_source_and_the_number() -> None:
    hall = Hall(layout=None, sources=2)
    tell(hall, 12)
    tell(hall, 8, source=1)

    _, answer = a_proxy(hall, 7)

    assert answer.error_code == "unsupported-min-extranonce-size: pool1 leaves 6 B"


def test_a_layout_that_changes_amid_new_work_leaves_no_group_behind() -> None:
    hall = Hall(layout=None, routes=3)
    wire = hall.connect()
    wire.say(SUBSCRIBE, AUTHORIZE)
    hall.pass_time(10)
    tell(hall, 4)
    sweep(hall, 60)

    layouts = [group.layout.name for group in hall.board.groups]
    assert sorted(layouts) == ["1+3", "1+3", "1+3", "4+4"]
    wire.miner.leave()
    assert {group.layout.name for group in hall.board.groups} == {"1+3"}
    numbers = {number for _, _, number in hall.sources[0].feeds}
    assert numbers == {1 << 20, (1 << 20) + 1, (1 << 20) + 2}


def subscribe(agent: str) -> dict[str, Any]:
    return {"id": 2, "method": "mining.subscribe", "params": [agent]}


EXTRANONCE_SUBSCRIBE = {"id": 4, "method": "mining.extranonce.subscribe", "params": []}
AS_PROXY = {"id": 3, "method": "mining.authorize", "params": ["rig1", "x,proxy"]}


@pytest.mark.parametrize(
    ("agent", "is_proxy"),
    [
        ("baseload/0.1.0", True),
        ("ckpool/1.2.0", True),
        ("btccom-agent/2.0.0-mu", True),
        ("Braiins Farm Proxy/24.06", True),
        ("stratum-proxy/1.5", True),
        ("cgminer/4.11.1", False),
        ("NiceHash/1.0.0", False),
        ("", False),
    ],
)
def test_a_proxy_is_known_by_its_user_agent(agent: str, *, is_proxy: bool) -> None:
    hall = Hall(layout=None)
    tell(hall, 8)

    answers = hall.connect().say(subscribe(agent))

    assert slot_and_size(answers) == (("e000", 6) if is_proxy else ("00000000", 4))


def test_a_proxy_of_v1_hashes_and_its_share_goes_up_whole() -> None:
    hall = Hall(layout=None)
    tell(hall, 8)
    wire = hall.connect()
    wire.say(subscribe("baseload/0.1.0"), AUTHORIZE)

    answers = [wire.submit(n, extranonce2="0102030405ff") for n in range(50)]

    assert any(answer["result"] for answer in answers)
    share = hall.sink.sent[-1][0]
    assert padding_of(share) + share.slot + share.extranonce2 == bytes.fromhex(
        "e0000102030405ff"
    )


def test_a_proxy_of_v1_gets_no_more_bytes_than_its_kind_can_roll() -> None:
    hall = Hall(layout=None)
    tell(hall, 14)
    wire = hall.connect()

    answers = wire.say(subscribe("baseload/0.1.0"), AUTHORIZE)
    taken = any(
        wire.submit(n, extranonce2="0102030405060708")["result"] for n in range(50)
    )

    assert slot_and_size(answers) == ("e00000000000", 8)
    assert taken


def test_where_there_is_no_more_a_proxy_is_a_miner() -> None:
    hall = Hall(layout=None)
    tell(hall, 4)

    assert slot_and_size(hall.connect().say(subscribe("baseload/1"))) == ("00", 3)


def test_a_password_makes_a_proxy_before_the_subscription() -> None:
    hall = Hall(layout=None)
    tell(hall, 8)

    assert slot_and_size(hall.connect().say(AS_PROXY, SUBSCRIBE)) == ("e000", 6)


def test_a_password_makes_a_proxy_of_who_takes_another_extranonce() -> None:
    hall = Hall(layout=None)
    tell(hall, 8)
    wire = hall.connect()

    heard = wire.say(SUBSCRIBE, EXTRANONCE_SUBSCRIBE, AS_PROXY)

    assert slot_and_size(heard) == ("00000000", 4)
    said = {m.get("method"): m.get("params") for m in heard}
    assert said["mining.set_extranonce"] == ["e000", 6]
    names = methods(heard)
    assert names.index("mining.set_extranonce") < names.index("mining.notify")
    assert any(wire.submit(n, extranonce2="010203040506")["result"] for n in range(50))
    spaces = hall.board.slots.spaces
    assert spaces
    assert spaces.held == 1


def test_a_password_makes_a_proxy_of_others_when_they_come_again() -> None:
    hall = Hall(layout=None)
    tell(hall, 8)
    wire = hall.connect()

    heard = wire.say(SUBSCRIBE, AS_PROXY)
    assert "mining.set_extranonce" not in methods(heard)
    assert any(wire.submit(n)["result"] for n in range(50))
    wire.miner.leave()

    again = hall.connect()
    assert slot_and_size(again.say(SUBSCRIBE, AUTHORIZE)) == ("e000", 6)
    other = hall.connect()
    assert slot_and_size(other.say(subscribe("test/2"))) == ("00000001", 4)
