"""How a site's machines may be used: what every part of the planner goes by."""

from attrs import frozen


@frozen
class PlanParams:
    """How a site's machines may be used."""

    min_on_s: float = 300.0
    min_off_s: float = 120.0
    cycles_a_day: float = 6.0  # beyond: woken last, and not rotated
    dead_band: float = 0.006  # of the budget: needs and room that are left alone
    small_need: float = 0.06  # of the budget: up to here slower levels are tried
    trim_pool: float = 0.03  # of the running watts: tunable machines, slept last
    rotate_after_h: float = 0.5  # least difference of debts between equals
    firm_priority: int | None = None  # from here on a trip spares machines that fit
