"""What members and leaders of a cluster tell each other, as values.

All watts are whole ones, as the tables hold them; all times are durations of the
monotonic clock of whoever holds the value. No two clocks are ever compared.
"""

from attrs import frozen

from protocol.units import Seconds

MAX_NEEDS = 32
"""Rows of a hall's need: its machines by priority and J/TH, the worst ones merged."""

MAX_OUT = 8
"""Grants that a member may still hold and that are told apart; older ones count as
the largest of them."""

MARGIN = Seconds(1.0)
"""Of a leader: clocks that run 1 % apart differ by 0.1 s over a `ttl` of 10 s; a poll
that was sent late adds to that."""

NO_TIME = Seconds(0.0)


class TimesError(ValueError):
    """The times of a cluster do not fit each other; the message says which."""


@frozen
class Times:
    """How often a cluster speaks, and how long what it says holds.

    Attributes:
        poll: Of members and candidates.
        ttl: Of a grant, from when the poll that it answers was sent.
        lease: How long a leader's beat may stand still until another takes over.
        margin: What leaders wait beyond `ttl`.
    """

    poll: Seconds
    ttl: Seconds
    lease: Seconds
    margin: Seconds = MARGIN

    @property
    def gone_after(self) -> Seconds:
        """How long nothing new is heard of a member that can hold no grant."""
        return Seconds(self.ttl + self.margin)

    @property
    def stale(self) -> Seconds:
        """How old a poll may be whose answer is taken: the next ones are under way."""
        return Seconds(2 * self.poll)

    def check(self) -> None:
        """Look whether grants last over the death of a leader.

        The next one takes over after `lease` and two polls at the latest, and needs
        four polls until its first grants are held: measured on 120 deaths.

        Raises:
            TimesError: They do not.
        """
        least = self.lease + 6 * self.poll
        if least >= self.ttl:
            raise TimesError(
                f"lease_s + 6 poll_s must be below ttl_s, or the halls' grants lapse"
                f" when a leader dies: {least:g} s, not below {self.ttl:g} s"
            )


@frozen
class Need:
    """Machines of a hall that are alike.

    Attributes:
        priority: The highest is served first.
        joules_per_th: What a terahash costs; the lowest is served first.
        running_w: What those draw that hash now.
        wanted_w: What all of them would draw; never below `running_w`.
    """

    priority: int
    joules_per_th: int
    running_w: int
    wanted_w: int


@frozen
class Row:
    """What a member says, each poll.

    Attributes:
        life: Grows with each of its starts.
        seq: Of the poll; grows within a life.
        epoch: The highest that it has read in a grant.
        applied: Number of the grant that it holds, -1 if it holds none.
        held_w: The most that it may draw now: of its grant, and of machines that
            have not yet done what they were told.
        floor_w: What it may draw without a grant.
        down_s: How long it takes from the end of a grant until it draws no more.
        need: What it would draw.
        version: Of the protocol, the latest that it knows.
    """

    life: int
    seq: int
    epoch: int
    applied: int
    held_w: int
    floor_w: int
    down_s: Seconds = NO_TIME
    need: tuple[Need, ...] = ()
    version: int = 1


Out = tuple[tuple[int, int], ...]
"""Numbers and watts of grants, the newest last."""


@frozen
class Grant:
    """What a leader grants a member.

    Attributes:
        epoch: Of the leader.
        number: Grows when anything but `answers` changes.
        watts: What the member may draw.
        out: Numbers and watts of what it may still hold, the newest last.
        life: For which of the member's lives it is; 0: for none.
        answers: The poll of that life that it answers: it holds for `ttl` from when
            that was sent.
    """

    epoch: int
    number: int
    watts: int
    out: Out = ()
    life: int = 0
    answers: int = 0


@frozen
class Seen:
    """What a leader remembers of a member, by its own clock.

    Attributes:
        life: Of its newest row.
        seq: Of its newest row.
        at: When that was first seen.
        is_known: It has shown this leader what it holds.
        old_w: What its life before may hold.
        old_until: How long that counts.
    """

    life: int
    seq: int
    at: Seconds
    is_known: bool = False
    old_w: int = 0
    old_until: Seconds = NO_TIME


@frozen
class Term:
    """What a leader goes by in one step.

    Attributes:
        epoch: Of its leadership.
        began: When that began, by its clock.
        now: The moment, by its clock.
        budget_w: What all members together may draw.
    """

    epoch: int
    began: Seconds
    now: Seconds
    budget_w: int
    times: Times

    @property
    def is_frozen(self) -> bool:
        """A grant that this leader does not know of may still be held."""
        return self.now - self.began < self.times.gone_after
