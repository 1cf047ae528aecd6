"""Who is refused: addresses, networks, and those that send what nobody understands."""

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from protocol.units import Seconds
from proxy.admin.bans import SHOWN_AT_ONCE, BanOperations
from proxy.admin.refused import Refused
from proxy.admin.rpc import Method, RpcError
from proxy.downstream import bans as module
from proxy.downstream.banning import ban
from proxy.downstream.bans import Ban, BanError, Bans, network_of, spelled
from tests.fakes.hall import AUTHORIZE, SUBSCRIBE
from tests.fakes.sv2_wire import Door

NOW, LATER = Seconds(1000.0), Seconds(1060.0)
GARBAGE = b"\x00\x01 rubbish\n{]\n"


def banned(*texts: str) -> Bans:
    bans = Bans()
    for text in texts:
        bans.add(Ban(network_of(text), LATER, "why"), NOW)
    return bans


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("10.1.2.3", "10.1.2.3", "10.1.2.4"),
        ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
        ("10.1.2.3/16", "10.1.0.0", "10.2.0.0"),
        ("10.0.0.0/8", "::ffff:10.0.0.1", "::ffff:11.0.0.1"),
        ("::ffff:10.0.0.0/104", "10.9.9.9", "11.0.0.1"),
        ("2001:db8::/32", "2001:db8:1::5", "2001:db9::5"),
        ("fe80::/64", "fe80::1%eth0", "fe80:1::1"),
    ],
)
def test_a_network_holds_all_that_are_of_it(
    text: str, inside: str, outside: str
) -> None:
    bans = banned("192.0.2.0/24", text, "198.51.100.7")

    assert bans.find(inside, NOW) is not None
    assert bans.find(outside, NOW) is None
    assert bans.find("local", NOW) is None


@pytest.mark.parametrize(
    "text", ["999.1.1.1", "", "hall-a", "10.0.0.0/33", "10.1", "0.0.0.0/0", "::/0"]
)
def test_what_is_no_network_or_everybody_is_refused(text: str) -> None:
    with pytest.raises(BanError):
        network_of(text)


def test_a_ban_ends_and_may_be_lifted() -> None:
    bans = banned("10.0.0.0/8", "10.0.0.1")

    assert bans.find("10.0.0.1", LATER) is None
    assert bans.lift(network_of("10.0.0.0/8"))
    assert not bans.lift(network_of("10.0.0.0/8"))
    assert bans.find("10.0.0.2", NOW) is None
    assert bans.find("10.0.0.1", NOW) is not None
    bans.forget_past(LATER)
    assert list(bans) == []


def test_the_list_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BANS", 2)
    bans = banned("10.0.0.1", "10.0.0.2")
    third = Ban(network_of("10.0.0.3"), Seconds(2000.0), "why")

    with pytest.raises(BanError, match="full"):
        bans.add(third, NOW)
    bans.add(third, LATER)

    assert [spelled(one.network) for one in bans] == ["10.0.0.3"]


def test_offences_are_counted_by_owner_and_for_a_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bans = Bans()
    assert not any(bans.offend("2001:db8::1", NOW) for _ in range(9))
    assert bans.offend("2001:db8::2", NOW) == network_of("2001:db8::/64")
    assert not any(bans.offend("10.0.0.1", NOW) for _ in range(9))
    assert bans.offend("10.0.0.1", Seconds(NOW + 61)) is None
    monkeypatch.setattr(module, "MAX_OFFENDERS", 1)
    assert not any(bans.offend(f"10.0.1.{n}", NOW) for n in range(200))
    assert bans.offend("local", NOW) is None


def test_who_is_of_a_banned_network_is_dropped_and_refused() -> None:
    door = Door()
    door.hall.sources[0].post()
    inside, outside = door.connect(address="10.9.0.1"), door.connect(address="11.0.0.1")
    at_work = door.connect(address="10.0.0.7").set_up()
    at_work.extended()

    ban(door.connections, network_of("10.0.0.0/8"), Seconds(60.0), "by an operator")
    late = door.connect("auto", address="10.0.0.8")

    assert [w.is_dropped for w in (inside, at_work, late)] == [True, True, True]
    assert not outside.is_dropped
    door.pass_time(61)
    assert not door.connect(address="10.0.0.8").is_dropped


@pytest.mark.parametrize("protocol", ["sv1", "sv2", "auto"])
def test_ban_s_shuts_out_who_sends_garbage(protocol: str) -> None:
    door = Door(ban_s=60)
    staying = door.connect("sv1", address="10.0.0.9")
    for _ in range(10):
        wire = door.connect(protocol, address="10.0.0.9")
        wire.send(GARBAGE + bytes(200))
        assert wire.is_dropped

    assert door.connect(protocol, address="10.0.0.9").is_dropped
    assert not door.connect(protocol, address="10.0.0.10").is_dropped
    assert not staying.is_dropped
    door.pass_time(61)
    assert not door.connect(protocol, address="10.0.0.9").is_dropped


def test_without_ban_s_a_connection_is_dropped_on_its_own_merits() -> None:
    door = Door()
    for _ in range(20):
        door.connect("sv1").send(GARBAGE)

    assert not door.connect("sv1").is_dropped


def test_who_is_turned_away_for_want_of_room_has_done_nothing() -> None:
    door = Door(ban_s=60, connections=1)
    door.connect("sv1", address="10.0.0.1")
    for _ in range(20):
        assert door.connect("sv1", address="10.0.0.9").is_dropped
    for _ in range(20):
        door.roster.limits = type(door.roster.limits)(ban_s=60)
        door.connect("sv1", address="10.0.0.9").send(
            b'{"id":1,"method":"mining.term","params":[]}\n'
        )

    assert not list(door.roster.bans)


class Office:
    """The commands over two sites."""

    def __init__(self) -> None:
        self.listener_policies = {"hall-a": Door(), "hall-b": Door()}
        halls = {
            name: door.connections for name, door in self.listener_policies.items()
        }
        clock = self.listener_policies["hall-a"].hall.clock
        self.turns = 0
        self.does = BanOperations(
            lambda: halls, lambda: Seconds(clock.seconds()), self._turn
        )

    async def _turn(self) -> None:
        self.turns += 1

    def bans(self) -> list[Any]:
        found: list[Any] = []
        _ = Deferred.fromCoroutine(self.does.bans()).addCallback(found.extend)
        return [(ban.address, ban.site, ban.left_s, ban.why) for ban in found]


def test_a_ban_holds_at_every_site_and_is_listed() -> None:
    office = Office()

    done = office.does.ban("10.0.0.5/8", 60.0)

    assert done.text == "10.0.0.0/8 is banned for 60 s"
    assert office.bans() == [
        ("10.0.0.0/8", "hall-a", 60.0, "by an operator"),
        ("10.0.0.0/8", "hall-b", 60.0, "by an operator"),
    ]
    with pytest.raises(Refused, match=r"but 10\.0\.0\.0/8 is: see `baseload bans`"):
        office.does.unban("10.0.0.5")
    assert office.does.unban("10.0.0.0/8").text == "10.0.0.0/8 may connect"
    with pytest.raises(Refused, match=r"10\.0\.0\.5 is not banned"):
        office.does.unban("10.0.0.5")
    assert office.bans() == []


def test_many_bans_are_listed_in_slices() -> None:
    office = Office()
    roster = office.listener_policies["hall-a"].roster
    for n in range(2 * SHOWN_AT_ONCE + 1):
        network = network_of(f"10.0.{n // 256}.{n % 256}")
        roster.bans.add(Ban(network, LATER, "why"), NOW)

    assert len(office.bans()) == 2 * SHOWN_AT_ONCE + 1
    assert office.turns == 3


def test_a_ban_that_one_site_has_no_room_for_holds_at_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_BANS", 1)
    office = Office()
    roster = office.listener_policies["hall-b"].roster
    roster.bans.add(Ban(network_of("192.0.2.1"), LATER, "why"), NOW)

    done = office.does.ban("10.0.0.5", 60.0)

    assert "but not at hall-b: the list of bans is full" in done.text
    assert [site for _, site, *_ in office.bans()] == ["hall-a", "hall-b"]
    with pytest.raises(Refused, match=r"not at hall-a: .*; not at hall-b: "):
        office.does.ban("10.0.0.6", 60.0)


def test_a_full_list_is_searched_for_old_ones_once_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_BANS", 1)
    bans = banned("192.0.2.1")
    other = Ban(network_of("192.0.2.2"), Seconds(LATER + 60), "why")
    at = Seconds(LATER - 0.5)

    for now in (at, LATER):  # what is over by then is not looked for yet
        with pytest.raises(BanError):
            bans.add(other, now)
    bans.add(other, Seconds(at + 1))

    assert [*bans] == [other]


@pytest.mark.parametrize("command", ["ban", "unban"])
def test_what_is_no_network_is_refused_by_command(command: str) -> None:
    with pytest.raises(Refused, match="neither an address nor a network"):
        getattr(Office().does, command)("999.1.1.1")


@pytest.mark.parametrize("for_s", [0, -1, 1e10])
def test_a_ban_lasts_for_a_time(for_s: float) -> None:
    with pytest.raises(RpcError):
        Method.of(Office().does.ban)({"address": "10.0.0.1", "for_s": for_s})


def test_miners_of_a_banned_address_are_dropped() -> None:
    door = Door()
    door.hall.sources[0].post()
    wire = door.connect("sv1", address="10.0.0.3")
    for message in (SUBSCRIBE, AUTHORIZE):
        wire.send(str(message).replace("'", '"').encode() + b"\n")

    ban(door.connections, network_of("10.0.0.3"), Seconds(1.0), "by an operator")

    assert wire.is_dropped
