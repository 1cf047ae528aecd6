"""What each firmware does with a command, and when: one model, used behind every wire.

Delays are of public reports: stock Antminers answer a write after 8 to 21 s, a
Whatsminer restarts its miner to change its limit (60 to 90 s), LuxOS sleeps within 5 s.
"""

import math
from collections.abc import Callable

from attrs import define, field, frozen

from protocol.units import Seconds, Watts

WATCHDOG = 120.0
"""Seconds after its last job that firmware goes on with it."""


@frozen
class Behaviour:
    """What the machines of one firmware do.

    Attributes:
        model: As the device calls itself.
        sleeps, limits: Commands that it has.
        limits_w: What limits it takes; empty: any.
        answer_s: From a command until its answer.
        act_s: From a command until it sleeps or draws its new limit.
        wake_s: From a wake command, or a reboot, until it works.
        restarts: A new limit restarts the miner: it draws idle_w for `wake_s`.
        says_watts: It says what it draws.
        tells_sleep: It says whether it sleeps; else that is inferred from its watts.
        sleeps_below_w: What it then draws less than.
        reads_first: Its state is read before it is written: one at work is not woken.
        proves_limit: A limit is read back before it is called taken.
    """

    name: str
    model: str
    full_w: float
    idle_w: float
    sleep_w: float
    th_s: float
    sleeps: bool = True
    limits: bool = False
    limits_w: tuple[float, ...] = ()
    answer_s: float = 0.0
    act_s: float = 0.0
    wake_s: float = 0.0
    restarts: bool = False
    says_watts: bool = True
    tells_sleep: bool = True
    sleeps_below_w: float = 120.0
    reads_first: bool = False
    proves_limit: bool = False


@define
class Switches:
    """What is wrong with a machine, or particular to it.

    Attributes:
        slow_s: Added to each answer.
        locked: Writes are refused, reads are not (a Whatsminer as it leaves the works).
        lies: It acknowledges commands and does nothing.
        garbled: One field cannot be read: a name where a number was, a word for watts.
        lost_reads: So many reads of what a write would overwrite are lost.
        password: What it takes; None: the maker's.
    """

    slow_s: float = 0.0
    locked: bool = False
    lies: bool = False
    garbled: bool = False
    lost_reads: int = 0
    password: str | None = None


@define(eq=False)
class FakeMachine:
    """One machine: its state, by a clock.

    Attributes:
        pools: Slots as the owner typed them; with a scheme, without, or with one that
            is the firmware's own.
        limit_w: Of its owner, then as commanded; None: it has none.
        commands: What it was told, in order.
        last_job_at: When it was last given work; at first it always has some.
    """

    behaviour: Behaviour
    clock: Callable[[], float]
    switches: Switches = field(factory=Switches)
    pools: tuple[str, ...] = ("stratum+tcp://127.0.0.1:3333",)
    worker: str = "hall.1"
    limit_w: float | None = None
    is_asleep: bool = False
    commands: list[str] = field(factory=list, init=False)
    last_job_at: float = field(default=math.inf, init=False)
    _due: list[tuple[float, str, float]] = field(factory=list, init=False)
    _works_at: float = field(default=0.0, init=False)
    _drawn_w: float | None = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._drawn_w = self.limit_w

    @property
    def watts(self) -> float:
        """What it draws now."""
        self._settle()
        if self.is_asleep:
            return self.behaviour.sleep_w
        if not self._works:
            return self.behaviour.idle_w
        return self._drawn_w or self.behaviour.full_w

    @property
    def th_s(self) -> float:
        """What it finds now, TH/s."""
        self._settle()
        if self.is_asleep or not self._works:
            return 0.0
        full = self.behaviour.full_w
        return self.behaviour.th_s * (self._drawn_w or full) / full

    @property
    def answers_in(self) -> Seconds:
        """Seconds until it answers."""
        return Seconds(self.switches.slow_s)

    @property
    def acknowledges_in(self) -> Seconds:
        """Seconds until it acknowledges a command."""
        return Seconds(self.switches.slow_s + self.behaviour.answer_s)

    def sleep(self) -> bool:
        """Take a sleep command; return whether it is acknowledged."""
        return self.behaviour.sleeps and self._take("sleep", 0.0)

    def wake(self) -> bool:
        """Take a wake command."""
        return self.behaviour.sleeps and self._take("wake", 0.0)

    def limit(self, watts: Watts | float) -> bool:
        """Take a limit."""
        allowed = self.behaviour.limits_w
        if not self.behaviour.limits or (allowed and float(watts) not in allowed):
            return False
        return self._take("limit", float(watts))

    def reboot(self) -> None:
        """Start anew, awake or asleep as it was."""
        self._settle()
        self._due.clear()
        self._works_at = self.clock() + self.behaviour.wake_s

    def loses_read(self) -> bool:
        """Tell whether this read of the configuration is lost."""
        lost = self.switches.lost_reads > 0
        self.switches.lost_reads -= lost
        return lost

    @property
    def _works(self) -> bool:
        now = self.clock()
        return now >= self._works_at and now - self.last_job_at < WATCHDOG

    def _take(self, command: str, watts: float) -> bool:
        self._settle()
        self.commands.append(command)
        if self.switches.locked:
            return False
        if not self.switches.lies:
            self.limit_w = watts or self.limit_w  # said at once, drawn after act_s
            self._due.append((self.clock() + self.behaviour.act_s, command, watts))
            self._settle()
        return True

    def _settle(self) -> None:
        """Do what is due."""
        now = self.clock()
        due = [one for one in self._due if one[0] <= now]
        self._due = [one for one in self._due if one[0] > now]
        for at, command, watts in due:
            if command == "limit":
                self._drawn_w = watts
            else:
                self.is_asleep = command == "sleep"
            if command == "wake" or (command == "limit" and self.behaviour.restarts):
                self._works_at = at + self.behaviour.wake_s
