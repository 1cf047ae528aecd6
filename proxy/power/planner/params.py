"""How a site's machines may be used: what every part of the planner goes by."""

from attrs import frozen


@frozen
class PlanParams:
    """How a site's machines may be used.

    No maker says how often a machine may be switched: times, cycles and fractions are
    chosen, and held in simulations of 1,000 mixed machines whose models err by 4 %.
    """

    min_on_s: float = 300.0
    """The low end of 5 to 10 minutes: a start that is cut short has cost its tuning and
    earned little."""

    min_off_s: float = 120.0
    """The low end of 2 to 5 minutes: boards cool down before they are powered again."""

    cycles_a_day: float = 6.0
    """Beyond: woken last, and not rotated. One in four hours."""

    dead_band: float = 0.002
    """Of the budget: from where shedding begins down to where growing ends, so that
    machines are not switched to and fro. Four times what the noise of a class 0.2 meter
    moves the bias by (`GuardParams.followed`)."""

    small_need: float = 0.06
    """Of the budget: up to here slower levels are tried. Beyond, machines asleep are
    fewer commands, and sooner done."""

    trim_pool: float = 0.03
    """Of the running watts: tunable machines, slept last. Their levels span a third of
    their watts (S19j Pro: 2,023 to 3,068 W), so that they even out 1 % of the site."""

    rotate_after_h: float = 0.5
    """Least difference of debts between equals: six times `min_on_s`, so that who
    rotates has worked for a while."""

    firm_priority: int | None = None  # from here on a trip spares machines that fit
