"""Twice the machines that fail at once take twice the time, not four times.

`pytest -s` shows the figures. The garbage collector is off: what it takes grows with
all that the process holds.
"""

import gc
from collections.abc import Callable, Iterator

import pytest

from protocol.units import Watts
from proxy.power.link.messages import Joined
from proxy.power.machines.kinds import Mode
from proxy.power.machines.table import Table
from tests.bench.measured import RUNS, calibration_ms, cpu_ms, report
from tests.unit.power.tables import NOW, a_table, later

COUNT = 27_000
MOST = 2.2


def a_hall(count: int, *, is_crowd: bool = False) -> Table:
    """Return machines at full speed.

    Args:
        count: How many.
        is_crowd: They have one name, behind one address.
    """
    table = a_table()
    each = "park.1" if is_crowd else "lux.{}"
    rows = [
        Joined(n, each.format(n), "10.0.0.1" if is_crowd else f"10.0.{n}", False)
        for n in range(count)
    ]
    table.join(rows, NOW)
    table.adopt(NOW)
    return table


def fail_all(table: Table) -> None:
    for machine in table.machines:
        table.command_one(machine, 0, NOW)
        table.note_found(machine, Watts(2500.0))
        table.fall_from_full(machine, later(5))
        table.set_responsive(machine, is_responsive=False)
        table.set_mode(machine, Mode.PARKED)
    assert not table.fleet.responsive.any()


def failure_ms(count: int) -> float:
    table = a_hall(count)
    return cpu_ms(lambda: fail_all(table))


def crowd_ms(count: int) -> float:
    return cpu_ms(lambda: a_hall(count, is_crowd=True))


@pytest.fixture(autouse=True)
def _no_collector() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.mark.bench
@pytest.mark.parametrize("measure", [failure_ms, crowd_ms])
def test_a_mass_failure_costs_each_machine_the_same(
    measure: Callable[[int], float],
) -> None:
    runs = [(measure(COUNT), measure(2 * COUNT)) for _ in range(RUNS)]
    one, two = (min(of) for of in zip(*runs, strict=True))

    report(
        what=measure.__name__,
        machines=COUNT,
        ms=one,
        ms_of_twice_as_many=two,
        ratio=two / one,
        calibration_ms=calibration_ms(),
    )
    assert two <= MOST * one
