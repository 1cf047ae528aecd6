"""A site's control from its part of the configuration."""

from collections.abc import Mapping

from protocol.units import Seconds, Watts
from proxy.config import SiteConfig
from proxy.config.power import PowerConfig
from proxy.power.actuation.polls import Foreign
from proxy.power.control.cap import AuxLoad
from proxy.power.control.estimate_state import EstimateParams
from proxy.power.control.meter_state import MeterParams
from proxy.power.control.step import SiteParams
from proxy.power.machines.describer import Describer
from proxy.power.machines.models import Models
from proxy.power.machines.table import Table
from proxy.power.orders.budget import Envelope
from proxy.power.orders.orders import OrderBook
from proxy.power.planner.params import PlanParams
from proxy.power.site import SiteControl

AUX_FIXED = 0.01
"""Of the contract: what cooling and network draw while no machine runs."""


def site_control(
    site: SiteConfig,
    power: PowerConfig,
    leases: Mapping[str, Seconds | None],
    foreign: Foreign,
    models: Models | None = None,
) -> SiteControl:
    """Return the control of `site`, not begun yet.

    Args:
        site: As configured.
        power: Its power settings.
        leases: Signals by name, with how long each may be silent.
        foreign: Tells which of a device's pool slots lead elsewhere.
        models: Machines by name; None: those that ship with Baseload.

    Raises:
        UnknownModelError: A fleet row names a machine that is not in the catalogue.
    """
    envelope = Envelope(Watts(power.budget_w), Watts(power.unheard_w))
    return SiteControl(
        site.name,
        params_of(power),
        OrderBook(site.name, envelope, leases),
        Table(Describer.of(power, site.fleet, models)),
        foreign,
    )


def params_of(power: PowerConfig) -> SiteParams:
    """Return all that shapes a site's control."""
    fixed = AUX_FIXED * power.budget_w if power.aux_w is None else power.aux_w
    return SiteParams(
        fail_safe_w=Watts(power.fail_safe_w),
        estimate=EstimateParams(
            aux=AuxLoad(Watts(fixed), power.aux_share),
            ramp_up_w_per_s=power.ramp_up_w_per_s,
            ramp_down_w_per_s=power.ramp_down_w_per_s,
        ),
        plan=PlanParams(firm_priority=power.firm_priority),
        meter=MeterParams() if power.has_meter else None,
    )
