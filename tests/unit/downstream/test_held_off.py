"""Miners that are parked by hand."""

from proxy.admin.why import why_view
from proxy.power.machines.holds import NONE_HELD, Holds
from tests.fakes.hall import AUTHORIZE, SUBSCRIBE, methods
from tests.unit.downstream.test_parking import Site


def test_a_held_miner_gets_no_job_until_the_hold_ends() -> None:
    site = Site()
    wire = site.granted()
    site.parking.hold_off(Holds(["rig*"]))
    site.hall.sources[0].post(prev_hash=b"\1" * 32)
    assert "mining.notify" not in methods(wire.hear())
    assert site.parking.parked == 1

    site.parking.hold_off(NONE_HELD)

    assert "mining.notify" in methods(wire.hear())
    assert site.parking.parked == 0


def test_one_that_comes_is_held_from_its_first_worker_on() -> None:
    site = Site()
    site.parking.hold_off(Holds(["rig1"]))
    wire = site.connect()

    answers = wire.say(SUBSCRIBE, AUTHORIZE)

    assert [a["result"] for a in answers if a.get("id") == 3] == [True]
    assert "mining.notify" not in methods(answers)
    assert wire.miner.is_held_off


def test_a_grant_of_the_controller_does_not_end_it_nor_does_a_source() -> None:
    site = Site()
    wire = site.granted()
    site.parking.hold_off(Holds(["rig1"]))
    wire.hear()

    site.parking.grant([wire.miner.id])
    wire.miner.hold_out(is_out=True)
    wire.miner.hold_out(is_out=False)

    assert methods(wire.hear()) == []


def test_the_end_of_a_hold_is_no_grant() -> None:
    site = Site()
    wire = site.granted()
    site.parking.hold_off(Holds(["rig1"]))
    site.parking.park([wire.miner.id])
    wire.hear()

    site.parking.hold_off(NONE_HELD)

    assert methods(wire.hear()) == [], "the power plan decides"


def test_others_stay_as_they_are() -> None:
    site = Site()
    wire = site.granted()
    before = len(wire.hear())
    site.parking.hold_off(Holds(["rack-*", "10.99.*"]))

    assert (len(wire.hear()), before) == (0, 0)
    assert wire.miner.is_granted


def test_it_says_by_which_hold() -> None:
    site = Site()
    wire = site.granted()
    site.parking.hold_off(Holds(["rig*"]))
    site.hall.pass_time(60)

    view = why_view("hall-a", wire.miner, "operator", [], site.hall.context.now())

    assert "parked for 60 s: by hand; `baseload unpark 'rig*'` ends that" in (
        view.sentences
    )


def test_many_are_looked_at_in_slices_and_who_left_is_passed_over() -> None:
    site = Site()
    wires = [site.granted() for _ in range(300)]
    site.parking.hold_off(Holds(["*"]))
    assert site.parking.parked == 256
    site.real.roster.remove(wires[-1].miner)
    site.hall.pass_time(1)

    assert site.parking.parked == 299
