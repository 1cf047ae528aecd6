"""What there is to know of a connected miner, and what its protocol has to do."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping
from typing import ClassVar

from attrs import define, field

from protocol.dialect import Dialect
from protocol.errors import RemoteError
from protocol.units import Difficulty, Seconds, WorkerName
from protocol.work.asked import Asked
from protocol.work.hashrate import HashrateMeter
from protocol.work.job import Job
from protocol.work.vardiff import Vardiff
from proxy.downstream.certificate_names import BoundNames
from proxy.downstream.conduct import Conduct
from proxy.downstream.site_context import SiteContext
from proxy.downstream.tally import Tally
from proxy.downstream.wishes import Wishes
from proxy.jobs.group import Group
from proxy.jobs.live import LiveJob
from proxy.jobs.space import HeldSlot


class SiteFullError(RemoteError):
    """There is no slot for one more miner."""


@define(eq=False, repr=False)
class MinerState(ABC):
    """One channel that hashes: its slot, its difficulty and its record.

    Attributes:
        dialect: What it speaks.
        workers: Names that it authorised as, the first one first.
        names: What these may be; None: anything.
        is_granted: It is given jobs: it is allowed to work and there is work.
        is_allowed: Whoever holds the site to its budget lets it work.
        is_held_out: It is parked because no source has work.
        is_held_off: It is parked by hand.
        is_waiting: For a slot: nobody knows yet how large slots are.
        slot_taken_at: When it got its slot; before that, when it came.
        kept_alive_at: When it was last sent a line for the sake of the line.
        parked_at: Since when it has been given no jobs; None while it is.
        hashrate_class: How much it hashes: jobs go to the biggest first.
        stale_parked: How many of its stale shares came while it was parked.
        conduct: What is held against it.
        wishes: What difficulty it asked for.
        tally: What its shares came to since somebody asked.
    """

    dialect: ClassVar[Dialect]

    id: int
    address: str
    context: SiteContext
    connected_at: Seconds
    is_granted: bool
    workers: dict[WorkerName, None] = field(factory=dict, init=False)
    names: BoundNames | None = field(default=None, init=False)
    held_slot: HeldSlot | None = field(default=None, init=False)
    group: Group | None = field(default=None, init=False)
    vardiff: Vardiff = field(init=False)
    meter: HashrateMeter = field(init=False)
    accepted: int = field(default=0, init=False)
    rejected: Counter[str] = field(factory=Counter, init=False)
    stale_parked: int = field(default=0, init=False)
    heard_at: Seconds = field(init=False)
    share_at: Seconds | None = field(default=None, init=False)
    hashrate_class: int = field(default=0, init=False)
    conduct: Conduct = field(factory=Conduct, init=False)
    is_allowed: bool = field(init=False)
    is_held_out: bool = field(default=False, init=False)
    is_held_off: bool = field(default=False, init=False)
    is_waiting: bool = field(default=False, init=False)
    slot_taken_at: Seconds = field(init=False)
    kept_alive_at: Seconds = field(init=False)
    parked_at: Seconds | None = field(default=None, init=False)
    tally: Tally = field(factory=Tally, init=False)
    last_seq: int | None = field(default=None, init=False)
    wishes: Wishes = field(factory=Wishes, init=False)
    _asked: Asked = field(factory=Asked, init=False)

    def __attrs_post_init__(self) -> None:
        now = self.connected_at
        self.heard_at = self.slot_taken_at = self.kept_alive_at = now
        self.is_allowed = self.is_granted
        self.parked_at = None if self.is_granted else now
        self.meter = HashrateMeter(now)
        self.vardiff = Vardiff(self.context.policy, self.context.start, now)

    @property
    def difficulty(self) -> Difficulty:
        """What it has been told last; what it will be, before any job."""
        newest = self._asked.newest
        return self.vardiff.difficulty if newest is None else newest

    @property
    def supplied_difficulty(self) -> float:
        """What its shares are judged at; 0 while no source has work for it."""
        if self.group is None or self.group.sourcing.source_name is None:
            return 0.0
        return self.difficulty

    @property
    def is_known(self) -> bool:
        """It has said who it is."""
        return bool(self.workers)

    @property
    def is_without_source(self) -> bool:
        """No source has work for it: at best it goes on with the last job."""
        return self.group is not None and self.group.idle_since is not None

    @property
    def has_own_difficulty(self) -> bool:
        """It is not vardiff that it submits so rarely, but what it asked for.

        Or the site, whose difficulty is fixed. It may take as long as it takes.
        """
        site = self.context.policy
        has_pace = site.shares_per_minute > 0
        return not has_pace or self.wishes.is_met_by(self.vardiff.difficulty, site)

    @property
    def is_alone(self) -> bool:
        """No other miner is on its connection."""
        return True

    @property
    @abstractmethod
    def version_mask(self) -> int:
        """Version bits that it may roll where the job lets it."""

    @property
    @abstractmethod
    def user_agent(self) -> str:
        """As it introduced itself."""

    @property
    def live(self) -> Mapping[str, LiveJob]:
        """Jobs that it may submit shares of, by id."""
        return self.group.live if self.group else {}

    # towards the miner

    @abstractmethod
    def assign(self, job: Job, line: bytes) -> None:
        """Hand it `job`, after whatever difficulty and mask go with it.

        Args:
            job: The newest of its group.
            line: The job's mining.notify.
        """

    @abstractmethod
    def ask_to_reconnect(self) -> None:
        """Ask it to connect anew to where it is connected now."""

    @abstractmethod
    def keep_alive(self) -> None:
        """Send what changes nothing, so that firmware keeps its connection."""

    def drop(self, why: str) -> None:
        """Hang up on it for a reason of ours."""
        self.context.drop(self, why)

    def _mask_of(self, job: Job) -> int:
        """Return which version bits it is told that it may roll of `job`."""
        return self.version_mask & job.work.version_mask

    def _ceiling(self, job: Job) -> Difficulty:
        """Return the highest difficulty that it may be asked for."""
        return job.ceiling
