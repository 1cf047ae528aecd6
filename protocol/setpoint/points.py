"""The back channel: the one list of points that whoever gives orders reads back."""

from attrs import frozen


@frozen
class Points:
    """What a site tells those who give it orders; None: not known.

    Attributes:
        budget_w: In force, whoever said it.
        available_down_10s_w: What machines that obey could shed within 10 s.
        available_down_60s_w: Within 60 s.
        available_up_w: What they could draw more under the budget.
        energy_wh: Counted since the site was first seen: it only grows.
        hz: Of the grid, as the meter has it.
        machines_told: Machines of the site.
        machines_running: Of these, those that are told to work.
        machines_obeying: Of these, those that do as they are told.
        lease_left_s: Of who asks; 0: it has lapsed.
        state: `normal`, `hold`, `failsafe` or `trip`; empty: not known.
        last_order: `seq` of the last order of who asks.
        alarms: Names of those that stand, each once.
    """

    power_w: float | None = None
    budget_w: float | None = None
    cap_hs: float | None = None
    available_down_10s_w: float | None = None
    available_down_60s_w: float | None = None
    available_up_w: float | None = None
    hashrate_hs: float | None = None
    energy_wh: float | None = None
    hz: float | None = None
    joules_per_terahash: float | None = None
    machines_told: int | None = None
    machines_running: int | None = None
    machines_obeying: int | None = None
    lease_left_s: float | None = None
    state: str = ""
    last_order: int | None = None
    alarms: tuple[str, ...] = ()
