from typing import Any

import pytest

from protocol.units import Seconds
from proxy.config import LimitsConfig
from proxy.downstream.miner import Miner
from proxy.downstream.password import read_password
from proxy.downstream.roster import Roster
from proxy.runtime.slices import Errands
from tests.fakes.hall import AUTHORIZE, CONFIGURE, SUBSCRIBE, Hall, Wire, methods


class Desk:
    """A roster with one working miner, whose drops are noted."""

    def __init__(self, **limits: Any) -> None:
        self.hall = Hall()
        self.hall.sources[0].post()
        self.dropped: list[str] = []
        errands: Errands[Any] = Errands(self.hall.clock)
        limit = LimitsConfig(**limits)
        self.roster = Roster("hall-a", limit, self.drop, lambda: 0.5, errands)

    def drop(self, miner: Miner, why: str) -> None:
        self.dropped.append(why)
        self.roster.remove(miner)

    def sit(self) -> Wire:
        wire = self.hall.connect()
        self.roster.add(wire.miner)
        return wire

    def pass_time(self, seconds: int) -> None:
        for _ in range(seconds):
            self.hall.pass_time(1)
            self.roster.sweep(self.hall.context.now())

    @property
    def now(self) -> Seconds:
        return self.hall.context.now()


def test_who_does_not_subscribe_in_time_is_dropped() -> None:
    desk = Desk()
    desk.sit()

    desk.pass_time(14)
    assert desk.dropped == []
    desk.pass_time(1)
    assert "did not subscribe" in desk.dropped[0]


def test_who_works_is_kept_and_who_is_silent_is_not() -> None:
    desk = Desk()
    wire = desk.sit().work()

    desk.pass_time(899)
    assert desk.dropped == []
    assert wire.miner.id in desk.roster.miners
    desk.pass_time(1)
    assert desk.dropped == ["silent for 900 s"]


def test_nothing_but_bad_shares_is_answered_in_three_steps() -> None:
    desk = Desk()
    wire = desk.sit().work()
    heard: list[Any] = []
    for _ in range(181):
        wire.submit(1, job="beef")
        desk.pass_time(1)
        heard += methods(wire.hear())

    assert "client.reconnect" in heard
    assert desk.dropped == ["nothing but bad shares for 180 s"]


def test_one_good_share_ends_the_run_of_bad_ones() -> None:
    desk = Desk()
    wire = desk.sit().work()
    wire.submit(1, job="beef")
    desk.pass_time(50)
    wire.accepted_nonce()

    assert wire.miner.conduct.bad_since is None


def test_bad_shares_of_a_parked_miner_are_not_held_against_it() -> None:
    desk = Desk()
    wire = desk.sit().work()
    wire.miner.park()
    wire.submit(1, job="beef")

    desk.pass_time(200)

    assert desk.dropped == []


def test_an_address_has_as_many_connections_as_it_may() -> None:
    desk = Desk(connections_per_address=1)
    assert desk.roster.refusal("10.0.0.1", desk.now) == ""
    wire = desk.sit()

    assert "connections" in desk.roster.refusal("10.0.0.1", desk.now)
    assert desk.roster.refusal("10.0.0.2", desk.now) == ""
    desk.roster.remove(wire.miner)
    assert desk.roster.refusal("10.0.0.1", desk.now) == ""


def test_a_drained_site_sends_its_miners_away_and_takes_no_more() -> None:
    desk = Desk()
    wire = desk.sit().work()
    wire.hear()
    desk.roster.drain(desk.now)

    desk.pass_time(16)

    assert "client.reconnect" in methods(wire.hear())
    assert "drained" in desk.roster.refusal("10.0.0.9", desk.now)


def test_a_site_that_is_drained_no_more_keeps_whom_it_did_not_send_away_yet() -> None:
    desk = Desk()
    wire = desk.sit().work()
    wire.hear()
    desk.roster.drain(desk.now)

    desk.roster.undrain()
    desk.pass_time(31)

    assert "client.reconnect" not in methods(wire.hear())
    assert desk.roster.refusal("10.0.0.9", desk.now) == ""


def test_a_drain_that_is_taken_back_leaves_other_reconnects_as_they_are() -> None:
    desk = Desk()
    wire = desk.sit().work()
    wire.hear()
    desk.roster.move([wire.miner], desk.now)
    desk.roster.drain(desk.now)

    desk.roster.undrain()
    desk.pass_time(31)

    assert methods(wire.hear()).count("client.reconnect") == 1


def test_draining_again_puts_nobodys_leave_off() -> None:
    desk = Desk()
    wire = desk.sit().work()
    wire.hear()
    desk.roster.drain(desk.now)
    desk.pass_time(10)

    desk.roster.drain(desk.now)
    desk.pass_time(6)

    assert "client.reconnect" in methods(wire.hear())


def test_who_goes_on_rolling_forbidden_bits_is_reconnected_once() -> None:
    desk = Desk()
    desk.hall.sources[0].post(version_mask=0)
    wire = desk.sit()
    wire.say(CONFIGURE, SUBSCRIBE, AUTHORIZE)
    heard: list[Any] = []
    for n in range(60):
        job = wire.miner.group.current.job.id if wire.miner.group else ""  # type: ignore[union-attr]
        params = ["rig1", job, "00000000", "6553f100", f"{n:08x}", "00002000"]
        wire.say({"id": 9, "method": "mining.submit", "params": params})
        desk.pass_time(1)
        heard += methods(wire.hear())

    assert heard.count("client.reconnect") == 1


@pytest.mark.parametrize(
    ("password", "fixed", "minimum"),
    [
        ("x", None, None),
        ("d=1024", 1024, None),
        ("x,diff=0.5;md=8", 0.5, 8),
        ("rabid=7", None, None),
        ("d=-1", None, None),
        ("d=nan", None, None),
        ("d=1e99", None, None),
        ("d=1e", None, None),
    ],
)
def test_wishes_are_read_from_a_password(
    password: str, fixed: float | None, minimum: float | None
) -> None:
    wishes = read_password(password)

    assert (wishes.fixed, wishes.minimum) == (fixed, minimum)
