"""Everything at once, in time: node, proxy, controller, pyasic, Modbus, 40 machines."""

import time
from pathlib import Path

import pytest

from tests.bench.plant_in_real_time import commands_since, running, trip
from tests.bench.plant_setting import Setting

COUNT = 40
QUICK = ("--down-s=3", "--up-s=8")  # of the machines: the law takes them for slower


@pytest.mark.bench
def test_a_site_is_brought_down_in_time_and_kept_there(tmp_path: Path) -> None:
    setting = Setting(COUNT, first_address="127.62.0.1", sim=QUICK)
    with running(tmp_path, setting) as hall:
        up = hall.step(3500.0 * COUNT, 40.0)
        ordered = time.time()
        down = hall.step(2000.0 * COUNT, 45.0)
        down_commands = commands_since(hall, ordered)
        end = trip(hall, 1.0, 12.0)
        rest = hall.watch.rows[-1][1]

    assert up.settled_use > 0.5  # it came up: there is something to shed
    assert down.reached_s is not None
    assert down.reached_s <= 20.0
    assert down.worst_minute <= 1.0
    assert down.settled_use > 0.6
    assert down_commands.first_s < 1.0
    assert end.commands.first_s < 1.0
    assert end.commands.last_answer_s < 2.0
    assert end.commands.answers >= 5
    assert rest["asleep"] == COUNT
    assert end.calm.accepted >= 90
    assert end.meanwhile.accepted >= 1100  # of 100 a second; a tip may void some
