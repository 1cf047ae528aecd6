"""Whether a machine did what it was told: acknowledged, read back, metered."""

from enum import Enum

from attrs import evolve, frozen

from protocol.units import Seconds, Watts

ACK_WITHIN = Seconds(600.0)
"""Of a call that waits for its turn. Once made it ends in its firmware's own time: of
27,000 stock Antminers, 1,024 at once and 21 s each, the last does then."""

FOLLOWED_WITHIN = Seconds(3.0)
"""By its connections, which the share process parks and grants at once: it reports each
second, and one report may be late."""

READ_BACK_WITHIN = Seconds(15.0)
"""Of its acknowledgement, and the time that the machine takes: five questions
(`READ_BACK_EVERY`)."""

READ_BACK_EVERY = Seconds(3.0)
"""Firmware takes seconds to do as it was told."""

METERED_WITHIN = Seconds(60.0)
"""Of its acknowledgement, likewise: by then a minute's mean shows what it did."""


class Rung(Enum):
    """Means of making a machine draw less, mildest first."""

    LIMIT = "limit"  # device API: a slower level
    SLEEP = "sleep"  # device API: no work, boards off
    PARK = "park"  # Stratum: no more jobs


class Stage(Enum):
    """How far a command has come."""

    ISSUED = "issued"
    ACKNOWLEDGED = "acknowledged"
    READ_BACK = "read back"
    SETTLED = "settled"
    UNRESPONSIVE = "unresponsive"


@frozen
class Actuation:
    """A command on its way to be believed; each moment is one of the same clock."""

    device: str
    level: int  # what it shall be at
    watts: Watts  # what it shall then draw by the model
    rung: Rung
    issued_at: Seconds
    allowance: float = 0.0  # its t_down or t_up: added to the later deadlines, s
    stage: Stage = Stage.ISSUED
    at: Seconds | None = None  # when this stage was reached
    has_it_since: Seconds | None = None  # when it acknowledged the command
    reason: str = ""  # of UNRESPONSIVE: what was missing

    @property
    def is_over(self) -> bool:
        """Nothing more will come of it."""
        return self.stage in {Stage.SETTLED, Stage.UNRESPONSIVE}

    @property
    def deadline(self) -> Seconds | None:
        """When it is given up if the next stage is not reached, None if over."""
        match self.stage:
            case Stage.ISSUED:
                return Seconds(self.issued_at + self.heard_within)
            case Stage.ACKNOWLEDGED:
                return Seconds(self.began_at + READ_BACK_WITHIN + self.allowance)
            case Stage.READ_BACK:
                return Seconds(self.began_at + METERED_WITHIN + self.allowance)
            case Stage.SETTLED | Stage.UNRESPONSIVE:
                return None

    @property
    def heard_within(self) -> Seconds:
        """Within what it is acknowledged, if ever."""
        return FOLLOWED_WITHIN if self.rung is Rung.PARK else ACK_WITHIN

    @property
    def began_at(self) -> Seconds:
        """Since when the machine does what it was told, if it does."""
        return self.issued_at if self.has_it_since is None else self.has_it_since


@frozen
class Evidence:
    """What was heard of a machine since the last look; None: nothing."""

    acknowledged: bool | None = None  # it took the command
    level: int | None = None  # as its own API reports it
    is_metered: bool | None = None  # the meter agrees with the machines


def verify(actuation: Actuation, evidence: Evidence, now: Seconds) -> Actuation:
    """Return how far the command has come, `now`, with new evidence.

    An acknowledgement alone proves nothing: clients report success to switched
    off machines. A deadline passed makes it unresponsive.
    """
    if actuation.is_over:
        return actuation
    reached = _advance(actuation, evidence, now)
    deadline = reached.deadline
    if deadline is None or now < deadline:
        return reached
    return _gave_up(reached, _missing(reached, evidence), now)


def is_meter_consistent(
    meter_w: Watts | None, expected_w: Watts, *, share: float = 0.03
) -> bool | None:
    """Tell whether the site draws no more than what is expected by `share`.

    Args:
        meter_w: A believable reading, or None: then nothing can be said.
        expected_w: The site by the model, its bias in.
        share: Of `expected_w`, what is put down to noise.
    """
    return None if meter_w is None else meter_w <= expected_w * (1.0 + share)


def _advance(actuation: Actuation, evidence: Evidence, now: Seconds) -> Actuation:
    stage = actuation.stage
    if stage is Stage.ISSUED and evidence.acknowledged:
        stage = Stage.ACKNOWLEDGED
        actuation = evolve(actuation, has_it_since=now)
    if stage is Stage.ACKNOWLEDGED and evidence.level == actuation.level:
        stage = Stage.READ_BACK
    if stage is Stage.READ_BACK and evidence.is_metered:
        stage = Stage.SETTLED
    if stage is actuation.stage:
        return actuation
    return evolve(actuation, stage=stage, at=now)


def _missing(actuation: Actuation, evidence: Evidence) -> str:
    match actuation.stage:
        case Stage.ISSUED:
            return f"no acknowledgement in {actuation.heard_within:.0f} s"
        case Stage.ACKNOWLEDGED:
            seen = "nothing" if evidence.level is None else f"level {evidence.level}"
            return f"read back {seen}, wanted level {actuation.level}"
        case _:
            return "the meter does not agree"


def _gave_up(actuation: Actuation, why: str, now: Seconds) -> Actuation:
    return evolve(actuation, stage=Stage.UNRESPONSIVE, at=now, reason=why)
