"""When a site goes from one state of safety to another."""

from attrs import frozen


@frozen
class SafetyParams:
    """When a site goes from one state to another."""

    hold_silence: float = 0.5
    """Part of a lease spent in silence: one message of two was lost."""

    hold_clear_s: float = 15.0
    """Half of the usual lease of 30 s: as long as it takes to come to a HOLD."""

    meter_failsafe_s: float = 60.0
    """Without a meter: longer than a meter or its gateway takes to boot."""

    failsafe_clear_s: float = 30.0
    """The usual lease: whoever speaks again has spoken for as long as it was silent."""

    over_s: float = 3.0
    """Over the budget until minimum times are set aside: 4 readings. A machine asleep
    in 5 s then leaves most of a minute to make up for it."""

    trip_over: float = 1.05
    trip_s: float = 20.0
    """Of the budget, and how long. A breaker holds 1.05 of its rating (the conventional
    non-tripping current of IEC 60947-2), so it is not too late then; a sleep command
    and its repetition take 10 s, so it is control that has failed."""

    trip_clear_s: float = 60.0
    """Within the budget until a trip ends: as long as a meter's proof of life."""

    trip_again_s: float = 3600.0
    trip_doublings: int = 4
    """Trips within this time of each other double that; 16 minutes at the most, so
    that a site whose cause is found runs again within about a quarter of an hour.
    Chosen: a trip switches each machine, and these are as many as it may be switched
    in a day (`PlanParams.cycles_a_day`)."""

    shed_extra: float = 0.01
    """Of the budget, shed beyond what is over, so that the next reading is not over
    again: five times the noise of a class 0.2 meter."""

    residual: float = 0.10
    residual_s: float = 30.0
    """Meter above model, and how long: a hidden load. Machines under way, and models
    after their bias is learned, err by less."""
