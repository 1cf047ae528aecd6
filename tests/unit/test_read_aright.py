"""What operators read is so: figures that are not known yet, plans, questions."""

from typing import Any

import numpy as np
import pytest
from attrs import evolve

from protocol.units import Seconds
from proxy.admin.render_power import RENDERERS
from proxy.admin.top_tables import of_the_cap
from proxy.cli.power import question
from proxy.power.planner.params import PlanParams
from proxy.power.views.at_rest import why_at_rest
from proxy.signals.schedule import cut_short, ends_at, parse_schedule
from tests.unit.power.fleets import NOW, fleet, machine

ONE = machine(1000.0, 50.0)
PLAN: dict[str, Any] = {
    "site": "hall-a", "budget_w": 100.0, "cap_hs": 0.0, "watts": -3e6,
    "hash_hs": -2e17, "steps": [{}] * 1000, "more": 27, "fail_safe_w": 350e3,
    "resting": 0, "note": "",
}  # fmt: skip


def site(rate: float, drawn: float = 1e6) -> dict[str, Any]:
    return {
        "cap_hs": 1e17,
        "hashrate_hs": {"1m": rate},
        "power_w": drawn,
        "budget_w": 2e6,
    }


def test_a_site_that_keeps_its_budget_is_not_said_to_find_beyond_its_cap() -> None:
    assert of_the_cap(site(1.78e17)) == "falling"
    assert of_the_cap(site(0.97e17)) == "97 %"
    assert of_the_cap(site(1.78e17, drawn=3e6)) == "178 %", "it does not keep it"
    assert of_the_cap({**site(1e17), "cap_hs": None}) == "-"


def test_shares_that_prove_no_rate_yet_are_not_called_a_rate_of_nothing() -> None:
    hashrate = {"hash_hs": 0.0, "low_hs": 0.0, "high_hs": 0.0, "shares": 16}
    row = {
        "machine": "m", "worker": "w", "model": "x", "tenant": None, "told_w": 1.0,
        "held_by": "tuned", "state": "running", "power_w": None, "hashrate": hashrate,
    }  # fmt: skip

    text = RENDERERS["power.machines"]([row])

    assert "not to be told yet, from 16 shares" in text
    row["fault"] = "cannot be told: it does not say how it is"
    assert "running: cannot be told" in RENDERERS["power.machines"]([row])
    assert "0 H/s" not in text


def test_a_plan_that_changes_nothing_says_why_machines_rest() -> None:
    answer = {**PLAN, "steps": [], "more": 0, "note": "4 machines rest: of course"}

    assert RENDERERS["power.plan"](answer).endswith("4 machines rest: of course\n")


def test_each_machine_that_rests_is_counted_with_what_keeps_it() -> None:
    hall = evolve(
        fleet(*[ONE] * 5, running=False),
        level=np.array([1, 0, 0, 0, 0]),
        switched_at=np.array([-np.inf, NOW - 40.0, -np.inf, -np.inf, np.inf]),
        responsive=np.array([True, True, True, False, True]),
    )

    assert why_at_rest(hall, PlanParams(), NOW) == (
        "4 machines rest: 1 have to rest for up to 80 s more, 1 find no room in the"
        " budget, 1 did not do as they were told, 1 are not connected"
    )
    assert why_at_rest(fleet(ONE), PlanParams(), Seconds(NOW)) == ""


def test_an_order_below_the_fail_safe_is_asked_for_with_what_it_takes() -> None:
    assert question(PLAN) == (
        "100 W is below the fail-safe of 350 kW:"
        " hall-a loses 200 PH/s of 1027 machines."
    )
    assert question({**PLAN, "budget_w": 350e3}) == ""


ROW = b"start,end,watts\n2027-01-01T00:00,2027-01-01T01:00,1500000"


ENTRY = b"[[entries]]\nstart = 2027-01-01T00:00\nend = 2027-01-01T01:00\nwatts = 15"


@pytest.mark.parametrize("data", [ROW, ENTRY])
def test_a_last_line_without_an_end_may_be_cut_short(data: bytes) -> None:
    assert cut_short(data).endswith(data.decode().splitlines()[-1])
    assert cut_short(data + b"\n") == ""
    assert cut_short(b"") == ""


def test_a_schedule_says_when_it_has_nothing_more_to_say() -> None:
    listed = parse_schedule(ROW, is_csv=True, time_zone="UTC")
    weekly = b"[[weekly]]\nstart = 06:00:00\nend = 07:00:00\nwatts = 5\n"

    assert ends_at(listed) == 1_798_765_200.0
    assert ends_at(parse_schedule(weekly, is_csv=False, time_zone="UTC")) is None
