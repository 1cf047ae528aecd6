"""What the estimator of a site remembers, what it is shown, and how it learns."""

import math

from attrs import field, frozen

from protocol.units import Seconds, UnixTime, Watts
from proxy.power.control.bias import UNKNOWN2
from proxy.power.control.cap import AuxLoad
from proxy.power.control.fleet_evidence import NO_EVIDENCE, FleetEvidence
from proxy.power.control.guard import GuardParams

CONTROL_PERIOD = Seconds(5.0)
"""The gains below are per this time: that of a sleep command to LuxOS (under 5 s by its
maker), the fastest machines that there are."""


TOLERANCE = 1.05
"""Of a model, until something is learned: makers allow themselves 5 to 10 % of watts,
and units differ both ways."""


@frozen
class EstimateParams:
    """How the estimator learns and how much room it keeps.

    *The prototype* is the law in a simulation of 1,000 machines: a deviation of 4 %
    from unit to unit, a bias of 3 %, 1 % that obey nothing, a meter's noise of 0.2 %.
    The values named after it kept it within each budget from 60 s after a step on.
    """

    aux: AuxLoad
    ramp_up_w_per_s: float = math.inf
    ramp_down_w_per_s: float = 0.0  # 0: at once

    guard: GuardParams = field(factory=GuardParams)

    bias_gain: float = 0.15
    """Of a fall to the reference, and without a meter: a time constant of 33 s, half of
    the minute by whose mean a budget is judged. The prototype's."""

    noise_gain: float = 0.05
    """A time constant of 100 s, which tells a deviation to an eighth: what a meter is
    like hardly changes, and a guard that wavers switches machines."""

    doubt_gain: float = 0.003
    """Below the reference: 28 minutes. Longer than most outages of a pool or a line,
    after which machines that lost their work draw again what they did; chosen."""

    reference_gain: float = 0.0015
    """56 minutes, half as fast as `doubt_gain`: a load that comes suddenly stands out
    from it for longer than an operator takes to look."""

    bias_low: float = 0.85
    """Owners lower limits, and what machines say of themselves is off by 5 to 20 %
    (field reports); a fleet's mean by less. Chosen between."""

    bias_high: float = 1.25
    """Also assumed while the meter is lost: machines are tuned a quarter above
    nameplate (`MeterParams.high_share`)."""

    settled_share: float = 0.97
    """Of nameplate, before anything is learned: what is under way is known to lie
    between its old and its new watts, and errs the bias by 3 % at the most."""

    telling_share: float = 0.2
    """Of nameplate drawn: less tells of aux, not of machines. As `load_alarms.TELLING`:
    a few are no fleet."""

    integral_gain: float = 0.02
    """A time constant of 250 s: over seven times that of `bias_gain`, so that the trim
    takes off what the bias leaves and does not work against it. The prototype's."""

    integral_low: float = -0.08
    """Of the budget: less than `SafetyParams.residual`. What is further off is a hidden
    load that an operator has to find, and no error of a model."""

    dead_band: float = 0.006
    """Of the budget: errors that are left alone. Three times the noise of a meter of
    class 0.2."""


@frozen
class Estimate:
    """What the estimator remembers of a site from step to step."""

    ramped_w: Watts  # how far ramps have let the budget through
    bias: float = TOLERANCE  # fleet's watts / model's watts
    reference: float = TOLERANCE  # bias over the long term, where loads stand out
    bias_variance: float = UNKNOWN2
    integral_w: float = 0.0  # 0 or less
    variance_w2: float = 0.0  # of a look at the meter while all is settled
    noisy_at_w: float = 0.0  # the watts that it is the variance of
    last_w: Watts | None = None  # last look while settled
    epoch: int = 0

    def noise_w2(self, power_w: float) -> float:
        """Return the variance of a look at `power_w`, W^2.

        A meter's errors are a part of what it reads (IEC 62053-22); above what was
        measured it is what was measured.
        """
        if power_w >= self.noisy_at_w:
            return self.variance_w2
        return self.variance_w2 * (max(0.0, power_w) / self.noisy_at_w) ** 2


@frozen
class Observation:
    """What was seen of a site in one step."""

    now: Seconds
    elapsed: Seconds  # since the step before
    at: UnixTime
    look_w: Watts | None  # mean of the readings since all is settled, if any
    low_w: Watts | None = None  # the lowest of the last readings, whatever moves
    is_blind: bool = False  # the meter is lost: assume the worst bias
    is_urgent: bool = False  # down at once, whatever the ramp
    may_raise: bool = True  # else nothing goes up
    working: float = 1.0  # of the running watts: machines whose shares come
    evidence: FleetEvidence = NO_EVIDENCE
    is_metered: bool = True  # else devices and the model have to do
