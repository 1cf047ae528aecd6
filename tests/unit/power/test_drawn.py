"""By whose word a site's watts are told."""

from attrs import evolve

from protocol.units import Seconds, Watts
from proxy.config import FleetConfig, PowerConfig
from proxy.power.control.fleet_evidence import FRESH
from proxy.power.control.site_power import drawn
from proxy.power.control.step import SiteParams, SiteState, site_at
from proxy.power.link.messages import Joined
from proxy.power.machines.describer import Describer
from proxy.power.machines.table import Table
from proxy.power.settings import params_of

NOW = Seconds(1000.0)
ROW = FleetConfig(workers="*", model="Antminer S21", control="pyasic")
POWER = PowerConfig(budget_w=100_000, fail_safe_w=0, aux_w=1000.0, aux_share=0.10)
MODEL = params_of(POWER)
METERED = params_of(
    PowerConfig(budget_w=100_000, fail_safe_w=0, meter="modbus://h:502/1")
)


def a_table(*said: float | None, ago: float = 0.0) -> Table:
    """Machines of 3500 W that run, and what each said that it draws."""
    table = Table(Describer.of(POWER, [ROW]))
    for n, watts in enumerate(said):
        (machine,) = table.join([Joined(n, f"w{n}", f"10.0.0.{n}", False)], NOW)
        machine.power_w = None if watts is None else Watts(watts)
        machine.heard_at = Seconds(NOW - ago)
    table.adopt(NOW)
    return table


def state(bias: float = 1.2, trusted_w: float | None = None) -> SiteState:
    known = site_at(NOW, Watts(0.0))
    trusted = None if trusted_w is None else Watts(trusted_w)
    return evolve(
        known,
        estimate=evolve(known.estimate, bias=bias),
        meter=evolve(known.meter, watts=trusted),
    )


def told(table: Table, of: SiteState, params: SiteParams) -> tuple[float, str]:
    watts, by = drawn(table, of, params, NOW)
    return round(watts, 6), by


def test_the_meter_comes_first() -> None:
    table = a_table(3000.0, 3000.0)

    assert told(table, state(trusted_w=9000.0), METERED) == (9000.0, "meter")
    assert told(table, state(trusted_w=9000.0), MODEL)[1] == "telemetry"
    assert told(table, state(), METERED)[1] == "telemetry", "no reading is trusted"


def test_the_devices_speak_for_a_site_if_most_of_the_watts_are_theirs() -> None:
    two_of_three = a_table(3000.0, 3200.0, None)
    one_of_two = a_table(3000.0, None)

    whole_w = 1000.0 + 1.1 * (3000.0 + 3200.0 + 3500.0)
    assert told(two_of_three, state(), MODEL) == (whole_w, "telemetry")
    assert told(one_of_two, state(), MODEL)[1] == "model", "half are not most"


def test_the_models_watts_count_with_their_bias_and_the_auxiliary_load() -> None:
    whole_w = 1000.0 + 1.1 * 1.2 * 7000.0

    assert told(a_table(None, None), state(), MODEL) == (whole_w, "model")


def test_what_a_device_said_long_ago_does_not_count() -> None:
    assert told(a_table(3000.0, ago=FRESH - 1), state(), MODEL)[1] == "telemetry"
    assert told(a_table(3000.0, ago=FRESH), state(), MODEL)[1] == "model"


def test_a_device_that_says_that_it_draws_nothing_is_believed() -> None:
    assert told(a_table(0.0, 0.0), state(), MODEL) == (1000.0, "telemetry")
