"""Whether a meter's reading can be believed: NaN, negative, spikes, frozen, late."""

import math
from enum import Enum

from attrs import evolve, frozen

from protocol.units import Seconds, Watts


class MeterFault(Enum):
    """What is wrong with a meter."""

    NAN = "not a number"
    NEGATIVE = "negative"
    SPIKE = "faster than the site can change"
    FROZEN = "frozen"
    LATE = "late"


QUIET_LIMIT = Seconds(180.0)
"""How quiet a meter can show itself to be."""


@frozen
class MeterParams:
    """What a site's meter can show when it is well."""

    poll_s: float = 1.0
    missed_polls: int = 3  # from here on it is lost
    slope_w_per_s: float = math.inf  # faster changes wait for confirmation
    confirmations: int = 3  # readings in a row that make a step believable
    frozen_s: float = 10.0  # the same reading while machines went down or came up
    frozen_always_s: float = 120.0  # the same reading whatever they did
    moved: float = 0.02  # of the expected watts: what counts as gone down, or up


@frozen
class Meter:
    """What is known of a meter; begin with `Meter(started_at)`.

    A coarse meter of a steady site repeats itself for long: five times the
    longest time that it has shown to be quiet for is never called frozen.
    """

    good_at: Seconds  # the last believable reading, or the start
    watts: Watts | None = None  # the last believable reading
    fault: MeterFault | None = None
    raw_w: float | None = None  # the last reading, believable or not
    raw_since: float = -math.inf  # since when it has been exactly that
    expected_w: float = 0.0  # the most that was expected of the machines then
    least_w: float = 0.0  # the least
    quiet_s: float = 0.0  # longest time at one reading, at most QUIET_LIMIT
    step_w: float | None = None  # where a spike went
    step_count: int = 0  # readings there in a row

    def lost_for(self, now: Seconds) -> Seconds:
        """Return how long there has been no believable reading."""
        return Seconds(max(0.0, now - self.good_at))

    def is_lost(self, now: Seconds, params: MeterParams) -> bool:
        """So many polls brought nothing believable that the model takes over."""
        return self.lost_for(now) > params.poll_s * params.missed_polls

    @property
    def trusted_w(self) -> Watts | None:
        """The reading if nothing is wrong, else None."""
        return self.watts if self.fault is None else None


def judge(  # noqa: PLR0913
    meter: Meter,
    reading: float | None,
    now: Seconds,
    expected_w: float,
    params: MeterParams,
    *,
    least_w: float = 0.0,
) -> Meter:
    """Return the meter after one poll.

    Args:
        meter: As it was.
        reading: Watts, NaN where the meter says so; None: no answer in time.
        now: The moment of the poll.
        expected_w: The most that the site may still draw by the model: it falls
            only once machines are down.
        params: What the meter can show.
        least_w: The least that it must draw: it rises only once machines are up.
    """
    # A poll that was missed is no fault yet: the last reading holds until some are.
    if reading is None:
        is_late = meter.is_lost(now, params)
        return evolve(meter, fault=MeterFault.LATE) if is_late else meter
    if not math.isfinite(reading):
        return evolve(meter, fault=MeterFault.NAN)
    if reading < 0:
        return evolve(meter, fault=MeterFault.NEGATIVE)
    # Exactly the same number, again and again, is what a frozen meter says.
    if reading != meter.raw_w:
        meter = _moved_on(meter, reading, now, expected_w, least_w)
    elif _is_frozen(meter, now, expected_w, least_w, params):
        return evolve(meter, fault=MeterFault.FROZEN)
    return _slope(meter, reading, now, params)


def _is_frozen(
    meter: Meter, now: Seconds, expected_w: float, least_w: float, params: MeterParams
) -> bool:
    same_for = now - meter.raw_since
    has_fallen = expected_w < (1.0 - params.moved) * meter.expected_w
    has_risen = least_w > (1.0 + params.moved) * meter.least_w
    if (has_fallen or has_risen) and same_for >= params.frozen_s:
        return True
    return same_for >= max(params.frozen_always_s, 5.0 * meter.quiet_s)


def _moved_on(
    meter: Meter, reading: float, now: Seconds, expected_w: float, least_w: float
) -> Meter:
    # Bounded, or a meter that froze once for an hour would be believed for five.
    quiet = 0.0 if meter.raw_w is None else min(QUIET_LIMIT, now - meter.raw_since)
    return evolve(
        meter,
        raw_w=reading,
        raw_since=now,
        expected_w=expected_w,
        least_w=least_w,
        quiet_s=max(meter.quiet_s, quiet),
    )


def _slope(meter: Meter, reading: float, now: Seconds, params: MeterParams) -> Meter:
    good = evolve(
        meter,
        good_at=now,
        watts=Watts(reading),
        fault=None,
        step_w=None,
        step_count=0,
    )
    if meter.watts is None:
        return good
    elapsed = max(params.poll_s, now - meter.good_at)
    if abs(reading - meter.watts) <= params.slope_w_per_s * elapsed:
        return good
    near = params.slope_w_per_s * params.poll_s
    # A real step stays where it went, a spike does not.
    stays = meter.step_w is not None and abs(reading - meter.step_w) <= near
    count = meter.step_count + 1 if stays else 1
    if count >= params.confirmations:
        return good
    return evolve(meter, fault=MeterFault.SPIKE, step_w=reading, step_count=count)
