"""What the log says of a command to a machine."""

import pytest

from protocol.units import Seconds, Watts
from proxy.config import FleetConfig, PowerConfig
from proxy.power.actuation.command import NEVER, PendingCommand, rung_of, stages_passed
from proxy.power.actuation.verify import Actuation, Rung, Stage
from proxy.power.journal.effects import Verb
from proxy.power.machines.describer import Describer
from proxy.power.machines.machine import Machine

ROW = FleetConfig(workers="*", model="Antminer S21", control="pyasic")


def test_a_command_is_logged_with_what_was_told_to_whom() -> None:
    power = PowerConfig(budget_w=9000, fail_safe_w=0)
    kind = Describer.of(power, [ROW]).kind_of("w", "10.0.0.1")
    machine = Machine("10.0.0.1", "10.0.0.1", "w", kind, kind.first_mode, 0)
    told = Actuation("10.0.0.1", 2, Watts(2685.0), Rung.LIMIT, Seconds(5.0))

    pending = PendingCommand(7, machine, told, [Verb.LIMIT], 3, is_down=True)

    assert pending.read_at == NEVER
    assert pending.body() == {
        "machine": "10.0.0.1",
        "level": 2,
        "watts": 2685.0,
        "rung": "limit",
        "number": 7,
    }


@pytest.mark.parametrize(
    ("before", "after", "passed"),
    [
        (Stage.ISSUED, Stage.ISSUED, ()),
        (Stage.ISSUED, Stage.ACKNOWLEDGED, (Stage.ACKNOWLEDGED,)),
        (Stage.ACKNOWLEDGED, Stage.SETTLED, (Stage.READ_BACK, Stage.SETTLED)),
    ],
)
def test_a_stage_that_was_passed_between_two_looks_is_told_too(
    before: Stage, after: Stage, passed: tuple[Stage, ...]
) -> None:
    assert stages_passed(before, after) == passed


def test_a_command_that_also_wakes_is_more_than_a_limit() -> None:
    assert rung_of([Verb.LIMIT]) is Rung.LIMIT
    assert rung_of([Verb.SLEEP]) is Rung.SLEEP
    assert rung_of([Verb.WAKE, Verb.LIMIT]) is Rung.SLEEP
