"""Everything at once: node, proxy, controller, pyasic, Modbus, forty machines."""

import time
from pathlib import Path

import pytest

from tests.bench.plant_in_real_time import Setting, first_and_last, running

COUNT = 40
QUICK = ("--down-s=3", "--up-s=8")  # of the machines: the law takes them for slower


@pytest.mark.integration
def test_a_site_is_brought_down_in_time_and_kept_there(tmp_path: Path) -> None:
    setting = Setting(COUNT, first_address="127.62.0.1", sim=QUICK)
    with running(tmp_path, setting) as hall:
        up = hall.step(3500.0 * COUNT, 40.0)
        ordered = time.time()
        down = hall.step(2000.0 * COUNT, 45.0)
        down_first, _, _ = first_and_last(hall, ordered)
        ordered = time.time()
        hall.order(0.0)
        time.sleep(15.0)
        first, last, count = first_and_last(hall, ordered)
        rest = hall.watch.rows[-1][1]

    assert up.settled_use > 0.5  # it came up: there is something to shed
    assert down.reached_s is not None
    assert down.reached_s <= 20.0
    assert down.worst_minute <= 1.0
    assert down.settled_use > 0.6
    assert down_first < 1.0
    assert first < 1.0
    assert last < 2.0
    assert count >= 5
    assert rest["asleep"] == COUNT
