"""What those who give orders read back of a site."""

import pytest

from protocol.setpoint.points import Points
from protocol.units import Seconds
from proxy.power.views.back_channel import points
from tests.unit.power.sites import Site
from tests.unit.power.tables import later


def test_a_site_that_was_not_looked_at_has_no_figures() -> None:
    assert points(Site().control, "scada", later(0)) == Points()


def test_what_can_be_shed_and_taken_is_told_by_how_fast() -> None:
    site = Site("rack-a.1", "rack-a.2", leases={"operator": Seconds(30.0)})
    site.control.orders.renew("operator", later(10))
    site.order(5_000, at=9)
    site.live(range(1, 11))

    told = points(site.control, "operator", later(10))

    fleet = site.control.table.fleet
    running = float((fleet.target_w - fleet.level_w[:, 0]).sum())
    assert told.available_down_60s_w is not None
    assert told.available_down_10s_w is not None
    assert 0 <= told.available_down_10s_w <= told.available_down_60s_w <= running
    assert told.available_up_w is not None
    assert told.power_w is not None
    assert told.available_up_w <= max(0.0, 5_000 - told.power_w)
    assert (told.budget_w, told.last_order, told.state) == (5_000, 1, "normal")
    assert (told.machines_told, told.machines_obeying) == (2, 2)
    assert told.lease_left_s == pytest.approx(29.0)


def test_the_lease_left_is_of_who_asks() -> None:
    site = Site(leases={"scada": Seconds(30.0), "plan": None})
    site.control.orders.renew("scada", later(2))
    site.live(range(2, 13))

    assert points(site.control, "scada", later(12)).lease_left_s == pytest.approx(20.0)
    assert points(site.control, "plan", later(12)).lease_left_s is None
    assert points(site.control, "stranger", later(12)).last_order is None
