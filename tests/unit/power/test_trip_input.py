"""A site whose relay contact trips it."""

import pytest

from protocol.units import UnixTime, Watts
from proxy.power.orders.order import Order
from tests.unit.power.sites import AT, Site, wall
from tests.unit.power.tables import later


def trip(site: Site, at: float) -> None:
    order = Order("hall-a", Watts(0.0), 1, "trip_input", UnixTime(0.0), AT)
    site.control.take([order], later(at), wall(at))
    site.tick(at)


def release(site: Site, at: float) -> None:
    site.control.take([], later(at), wall(at), "trip_input")


def state(site: Site) -> str:
    assert site.control.sensed is not None
    return site.control.sensed.state.safety.state.value


@pytest.mark.parametrize("ramp_w", [0, 10])
def test_a_contact_stops_all_machines_at_once_whatever_ramp_there_is(
    ramp_w: int,
) -> None:
    site = Site("rack-a.1", "rack-a.2", ramp_down_w_per_s=ramp_w, firm_priority=0)
    site.live(range(1, 11))
    assert (site.control.table.fleet.level > 0).all()

    trip(site, 11)

    assert state(site) == "trip"
    assert (site.control.table.fleet.level == 0).all()


def test_a_contact_that_is_well_again_ends_as_every_trip() -> None:
    site = Site("rack-a.1")
    site.live(range(1, 11))
    trip(site, 11)
    site.live(range(12, 20))

    release(site, 20)
    site.live(range(20, 70))
    assert state(site) == "trip"
    site.live(range(70, 420))

    assert state(site) == "normal"
    assert (site.control.table.fleet.level > 0).all()
