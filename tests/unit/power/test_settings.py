"""What each key of a site's power settings becomes in its control."""

from protocol.units import Seconds, Watts
from proxy.config import FleetConfig, PowerConfig, SiteConfig
from proxy.power.control.cap import AuxLoad
from proxy.power.control.meter_state import MeterParams
from proxy.power.settings import params_of, site_control

PLAIN = PowerConfig(budget_w=200_000, fail_safe_w=30_000)


def test_a_hundredth_of_the_budget_is_auxiliary_load_unless_one_is_set() -> None:
    own = PowerConfig(budget_w=200_000, fail_safe_w=0, aux_w=700, aux_share=0.2)
    none = PowerConfig(budget_w=200_000, fail_safe_w=0, aux_w=0)

    assert params_of(PLAIN).estimate.aux == AuxLoad(Watts(2000.0), 0.03)
    assert params_of(own).estimate.aux == AuxLoad(Watts(700.0), 0.2)
    assert params_of(none).estimate.aux.fixed_w == 0.0, "0 is set"


def test_ramps_and_the_fail_safe_are_those_of_the_settings() -> None:
    power = PowerConfig(
        budget_w=200_000, fail_safe_w=30_000, ramp_up_w_per_s=50, ramp_down_w_per_s=70
    )
    params = params_of(power)

    assert params.fail_safe_w == 30_000.0
    assert params.estimate.ramp_up_w_per_s == 50
    assert params.estimate.ramp_down_w_per_s == 70


def test_a_site_has_a_meter_only_if_one_is_named() -> None:
    metered = PowerConfig(budget_w=1, fail_safe_w=0, meter="modbus://m:502/1")

    assert params_of(metered).meter == MeterParams()
    assert params_of(PLAIN).meter is None


def test_a_sites_control_knows_its_name_budget_signals_and_machines() -> None:
    row = FleetConfig(workers="a*", model="Antminer S21")
    site = SiteConfig(
        name="hall-b", listen=("tcp:1",), sources=["p"], power=PLAIN, fleet=(row,)
    )

    control = site_control(
        site, PLAIN, {"grid": Seconds(30.0), "plan": None}, lambda urls: urls[1:]
    )

    assert control.name == control.orders.site == "hall-b"
    assert control.orders.envelope.budget_w == 200_000.0
    assert control.orders.envelope.fail_safe_w == 30_000.0
    leases = {s.name: s.lease_s for s in control.orders.signals(Seconds(0.0))}
    assert leases == {"grid": 30.0, "plan": None}
    assert control.table.describer.kind_of("a1", "").name == "Antminer S21"
    assert control.params == params_of(PLAIN)
    assert control.foreign(("here", "there")) == ("there",)
