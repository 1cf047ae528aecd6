"""What is kept free of a budget, so that no minute's mean is above it.

A budget is kept minute by minute: what a site draws in any 60 s comes to no more than
60 s of it. Two things can make the minute that runs dearer than it was planned to be:

    guard = noise + surprise
    noise = sigmas * sqrt(followed + 1/12) * s
    surprise = m * min(1, r / 60 s)

`s` is the measured noise of a *look*, the mean of the readings of a control period
(5 s). A minute's mean has that of 12 looks, which are independent; what the bias has
followed of a look is part of the grant, and `followed` of its variance stays in it.

`m` is the largest machine. Where it draws without having been told to, or goes on
though it was, the meter shows it, and another is put to sleep in its place: `r` is how
long that takes, from the first reading to the last second of the slowest that might be
chosen. The minute that ends then has drawn `m * r` more than planned, and no minute has
drawn more than that: what follows is shed beyond it (`SafetyParams.shed_extra`). So the
guard is the smaller, the faster a site can answer: of a hall of LuxOS (5 s) it is 0.15
of a machine, of one that is parked alone a whole one.

Beside the guard, what is granted anew leaves out the largest step down that is under
way or has only just been: until the meter had time to tell, it may not have been taken,
and what it was to free is not there. And a large step down goes further by what the
guard lacks of one machine, by levels where there are any: those that are left are
fewer, and err otherwise than all did. Levels are back in ten seconds, a machine is not.

Nothing measured, nothing followed: without a meter, or blind, it is the larger of one
machine and 1 % of the budget.
"""

import math

import numpy as np
from attrs import frozen

from protocol.units import Seconds
from proxy.power.machines.fleet import Fleet

MINUTE = 60.0
"""Seconds whose mean a budget is held against."""

LOOKS = 12
"""Control periods in a minute."""


@frozen
class GuardParams:
    """How much room is kept."""

    sigmas: float = 3.0
    """Of normal noise, one minute in 740 is further above its mean."""

    followed: float = 0.3
    """Part of the variance of a look that a bias has which follows the looks by its
    steady gain (`bias.DRIFT2_PER_S`), with the noise of a class 0.2 meter."""

    react_s: float = 5.0
    """From a surprise until a machine is told: 4 readings (`SafetyParams.over_s`), the
    lag of a meter of class 0.2 (1 s), and the command."""

    proof_s: float = 10.0
    """After a step down should have shown, until it is taken for done: two looks."""

    unmeasured: float = 0.01
    """Of the budget, where no meter says what is drawn: the error that a meter of
    class 1 may have (IEC 62053-21)."""


def noise_w(look_w2: float, params: GuardParams) -> float:
    """Return the watts by which a minute may be dearer than planned, by chance.

    Args:
        look_w2: Variance of a look, W^2.
        params: How sure that has to be.
    """
    return params.sigmas * math.sqrt(look_w2 * (params.followed + 1.0 / LOOKS))


def surprise_w(fleet: Fleet, params: GuardParams) -> float:
    """Return the model watts that one machine can cost the minute that runs."""
    largest = float(fleet.full_w.max(initial=0.0))
    can_shed = fleet.responsive & (fleet.level > 0)
    slowest = float(fleet.t_down[can_shed].max(initial=0.0))
    return largest * min(1.0, (params.react_s + slowest) / MINUTE)


def unproven_w(fleet: Fleet, now: Seconds, params: GuardParams) -> float:
    """Return the model watts of the largest step down that has not been shown yet."""
    step_w = fleet.from_w - fleet.target_w
    is_open = now < fleet.changed_at + fleet.t_down + params.proof_s
    return float(np.where(fleet.responsive & is_open, step_w, 0.0).max(initial=0.0))


def doubts_w(
    fleet: Fleet, now: Seconds, kept: float, noise: float, params: GuardParams
) -> tuple[float, float]:
    """Return the model watts that the guard lacks of what may not have gone down.

    Of the largest step that has not been shown yet; and of one machine, with the noise
    of the meter that has to show it.

    Args:
        fleet: The machines.
        now: The moment.
        kept: By the guard for surprises, in model watts: without a meter that is a
            whole machine, and nothing is lacking.
        noise: Of a minute, in model watts.
        params: How much room is kept.
    """
    one = float(fleet.full_w.max(initial=0.0))
    lacks = one - kept + noise if one > kept else 0.0
    return max(0.0, unproven_w(fleet, now, params) - kept), lacks


def unmeasured_w(fleet: Fleet, budget_w: float, params: GuardParams) -> float:
    """Return the watts that are kept free where nothing is measured."""
    return max(params.unmeasured * budget_w, float(fleet.full_w.max(initial=0.0)))
