"""What is known of a site's meter, and what it can show when it is well."""

import math
from enum import Enum

from attrs import frozen

from protocol.units import Seconds, Watts


class MeterFault(Enum):
    """What is wrong with a meter."""

    NAN = "not a number"
    NEGATIVE = "negative"
    SPIKE = "faster than the site can change"
    FROZEN = "frozen"
    LATE = "late"
    LOW = "far below what machines that work must draw"


@frozen
class MeterParams:
    """What a site's meter can show when it is well."""

    poll_s: float = 1.0

    missed_polls: int = 3
    """From here on it is lost: one lost packet and its repetition take two polls."""

    slope_w_per_s: float = math.inf  # faster changes wait for confirmation

    confirmations: int = 3
    """Readings in a row that make a step believable; as many as may be missed."""

    frozen_s: float = 10.0
    """The same reading while machines went down or came up: ten polls, twice the
    longest interval at which common meters renew their registers (1 to 5 s)."""

    frozen_always_s: float = 120.0
    """The same reading whatever they did: within two minutes any site changes a bit."""

    moved: float = 0.02
    """Of the expected watts, what counts as gone down, or up: ten times the noise of a
    class 0.2 meter."""

    spikes: int = 3
    spiking_s: float = 60.0
    """So many spikes in this time: the meter is sick. One is a lost bit on the wire."""

    low_share: float = 0.7
    """Of what machines that are proven to work must draw. Below it is no error of a
    model (10 %) and of an owner's lower limit (20 %) together."""

    high_share: float = 1.25
    """Of the most that is expected: machines are tuned a quarter above nameplate."""

    rest_share: float = 0.2
    """Of full power, what auxiliary load may draw while every machine is off: less
    tells of it, not of machines (`EstimateParams.telling_share`)."""

    low_s: float = 100.0
    """For so long, since machines that lost their supply count as proven to work for
    as long as a device's word does (`fleet_evidence.FRESH`, 90 s)."""

    proof_s: float = 60.0
    """How long a meter that lost its trust has to prove that it is alive: as long as
    it takes to lose the site's (`SafetyParams.meter_failsafe_s`)."""

    proof_moves: int = 10
    """Readings that have to differ from the one before since the proof began: a reading
    in six. While the site is at rest, where a coarse meter repeats itself, one, or none
    where the reading is what the model is sure of."""


@frozen
class Expected:
    """What a site draws by its model at a moment."""

    most_w: float  # it falls only once machines are down
    least_w: float  # it rises only once machines are up
    must_w: float = 0.0  # of machines that are proven to work
    is_at_rest: bool = False  # none is to run: a steady reading is no wonder
    full_w: float = 0.0  # what all machines draw together at full power


@frozen
class Doubt:
    """A meter that is not believed, and what it has proved since.

    Attributes:
        fault: What it lost its trust by.
        began_at: When.
        since: From when on its readings prove that it is alive.
        watts: What it said when it was first doubted; before a spike.
        most_w: The most that was expected then.
        least_w: The least.
        moves: How many readings have differed from the one before.
    """

    fault: MeterFault
    began_at: Seconds
    since: Seconds
    watts: float
    most_w: float
    least_w: float
    moves: int = 0


@frozen
class Meter:
    """What is known of a meter; begin with `Meter(started_at)`.

    A coarse meter of a steady site repeats itself for long: five times the
    longest time that it has shown to be quiet for is never called frozen.
    """

    good_at: Seconds  # the last believable reading, or the start
    watts: Watts | None = None  # the last believable reading
    fault: MeterFault | None = None
    doubt: Doubt | None = None  # it has to prove itself first
    raw_w: float | None = None  # the last reading, believable or not
    raw_since: float = -math.inf  # since when it has been exactly that
    rested_at: float = -math.inf  # when the site was last at rest
    held_since: float = -math.inf  # since when machines are held against it anew
    expected_w: float = 0.0  # the most that was expected of the machines then
    least_w: float = 0.0  # the least
    quiet_s: float = 0.0  # longest time at one reading, at most `meter.QUIET_LIMIT`
    step_w: float | None = None  # where a spike went
    step_count: int = 0  # readings there in a row
    spiked_at: tuple[Seconds, ...] = ()  # the last spikes
    low_since: Seconds | None = None  # since when it says too little

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
