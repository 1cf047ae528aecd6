"""What a second costs a site's control, and an order, by counted work."""

from collections.abc import Callable
from pathlib import Path

import pytest

from protocol.units import Seconds
from proxy.power.actuation.waiting import SLICE
from proxy.power.site import SiteControl
from tests.bench.power_steps import AT, START, WATTS, Yard
from tests.growth import TWICE, growth

Work = Callable[[], object]

SIZE = SLICE + 100
"""Of the smaller site: more than is done in one turn of the reactor."""


def at_work(yard: Yard) -> SiteControl:
    """Return the control of a site all of whose machines have work."""
    yard.come()
    yard.loop.startService()
    yard.live(8)
    return yard.loop.control


def looked_at(yard: Yard) -> Work:
    """Return a look at the site."""
    now = Seconds(yard.clock.seconds() + 1.0)
    at = type(AT)(AT - START + now)
    return lambda: yard.loop.control.tick(now, at, None)


def a_look(yard: Yard) -> Work:
    at_work(yard)
    return looked_at(yard)


def the_look_after_an_order(yard: Yard) -> Work:
    at_work(yard)
    yard.order(0.05 * yard.count * WATTS)
    return looked_at(yard)


def the_chores_after_a_look(yard: Yard) -> Work:
    control = at_work(yard)
    looked_at(yard)()
    now = Seconds(yard.clock.seconds() + 1.0)

    def work() -> None:
        while control.is_behind:
            control.go_on(now, control.outbox.at)

    return work


def a_look_while_all_are_under_way(yard: Yard) -> Work:
    at_work(yard)
    yard.order(0.05 * yard.count * WATTS)
    yard.live(2)
    return looked_at(yard)


def a_look_while_all_refuse(yard: Yard) -> Work:
    at_work(yard)
    yard.devices.refuse = True
    yard.order(0.05 * yard.count * WATTS)
    yard.live(6)
    return looked_at(yard)


def a_turn_of_a_trip(yard: Yard) -> Work:
    control = the_trip(yard)
    now = Seconds(yard.clock.seconds())
    return lambda: control.go_on(now, control.outbox.at)


def the_trip(yard: Yard) -> SiteControl:
    """Return the control of a site that has decided to trip, and told nobody yet."""
    control = at_work(yard)
    yard.order(0.05 * yard.count * WATTS)
    looked_at(yard)()
    control.drain()
    assert control.is_behind
    return control


def built(folder: Path, begin: Callable[[Yard], Work]) -> Callable[[int], Work]:
    def build(count: int) -> Work:
        (folder / str(count)).mkdir()
        return begin(Yard(folder / str(count), count))

    return build


@pytest.mark.parametrize(
    "begin",
    [
        a_look,
        the_look_after_an_order,
        the_chores_after_a_look,
        a_look_while_all_are_under_way,
        a_look_while_all_refuse,
    ],
)
def test_twice_the_machines_cost_a_step_no_more_than_twice(
    begin: Callable[[Yard], Work], tmp_path: Path
) -> None:
    assert growth(built(tmp_path, begin), SIZE) <= TWICE


def test_a_turn_of_a_trip_costs_the_same_however_large_the_site(tmp_path: Path) -> None:
    all_have_an_api = 2 * SLICE  # those that a turn tells: they are told first
    assert growth(built(tmp_path, a_turn_of_a_trip), all_have_an_api) <= 1.05
