"""What a hall tells its leader that it needs."""

from pathlib import Path

import numpy as np

from protocol.units import Seconds
from proxy.power.allotment.rows import MAX_NEEDS
from proxy.power.views.hall import STANDBY_PRIORITY, _grouped, hall_view
from tests.fakes.power_site import PowerSite


def test_a_hall_needs_what_its_machines_draw_and_a_guard(tmp_path: Path) -> None:
    site = PowerSite(tmp_path / "c.sqlite3", 20, models=("Antminer S21",))
    site.run(40.0)
    control = site.loop.control
    view = hall_view(control, Seconds(site.now))
    full = control.params.estimate.aux.site_watts(
        float(control.table.fleet.full_w.sum())
    )
    wanted = sum(need.wanted_w for need in view.need)

    assert full < wanted < 1.2 * full
    assert view.need[0].priority == STANDBY_PRIORITY
    assert all(need.running_w <= need.wanted_w for need in view.need)
    assert view.committed_w > 0.8 * full
    assert view.down_s > 0


def test_many_kinds_are_told_in_few_rows_and_lose_no_watt() -> None:
    keys = np.arange(1000, dtype=np.int64) * 3
    watts = np.full(1000, 100.0)
    needs = _grouped(keys, watts, watts)

    assert len(needs) < MAX_NEEDS
    assert sum(need.wanted_w for need in needs) == 100_000
    joules = [need.joules_per_th for need in needs]
    assert joules == sorted(joules)


def test_more_priorities_than_rows_count_as_the_last() -> None:
    keys = -np.arange(100, dtype=np.int64) * (1 << 20)
    watts = np.full(100, 10.0)
    needs = _grouped(keys, watts, watts)

    assert len(needs) < MAX_NEEDS
    assert sum(need.wanted_w for need in needs) == 1000
    assert needs[0].priority == 99
