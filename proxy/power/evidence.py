"""What a site's shares prove, window by window: caps kept, watts well spent."""

from collections import deque
from collections.abc import Iterable

from attrs import define, field

from protocol.units import HashesPerSecond, Seconds, Watts
from proxy.power.messages import Work
from proxy.power.proof import ShareSum, violates_cap

WINDOW = Seconds(30.0)
"""At 20 shares a minute, 1,000 machines are known to 1 % in this time."""

WINDOWS = 20
CAP_REACHES_BACK = Seconds(180.0)
"""Machines that were told to stop may go on with their last job for 135 s."""

NO_SHARES = ShareSum(0, 0.0, 0.0, Seconds(0.0))


@define(eq=False)
class Proof:
    """Shares of one site or tenant, in windows of 30 s, ten minutes of them."""

    begun_at: Seconds
    _open: ShareSum = field(default=NO_SHARES, init=False)
    _closed: deque[ShareSum] = field(factory=lambda: deque(maxlen=WINDOWS), init=False)

    def add(self, work: Work) -> None:
        """Count shares."""
        more = ShareSum(work.shares, work.work, work.work2, Seconds(0.0))
        self._open = self._open + more

    def roll(self, now: Seconds) -> bool:
        """Close the window if its time is up; return whether it was."""
        elapsed = now - self.begun_at
        if elapsed < WINDOW:
            return False
        span = ShareSum(0, 0.0, 0.0, Seconds(elapsed))
        self._closed.append(self._open + span)
        self._open, self.begun_at = NO_SHARES, now
        return True

    @property
    def windows(self) -> tuple[ShareSum, ...]:
        """Closed windows, the last one last."""
        return tuple(self._closed)

    def over(self, seconds: Seconds) -> ShareSum:
        """Return the sum of the last windows that `seconds` takes."""
        total = NO_SHARES
        for window in reversed(self._closed):
            if total.seconds >= seconds:
                break
            total = total + window
        return total


@define(eq=False)
class Evidence:
    """What the shares of a site and its tenants prove.

    Shares of machines that no row describes count apart: the cap does not know them.
    """

    begun_at: Seconds
    site: Proof = field(init=False)
    tenants: dict[str, Proof] = field(factory=dict, init=False)
    strangers: Proof = field(init=False)
    parked_work: float = field(default=0.0, init=False)
    unauthorised_work: float = field(default=0.0, init=False)
    _caps: deque[tuple[Seconds, float]] = field(factory=deque, init=False)
    _power: deque[tuple[Seconds, float]] = field(factory=deque, init=False)

    def __attrs_post_init__(self) -> None:
        self.site = Proof(self.begun_at)
        self.strangers = Proof(self.begun_at)

    def add(self, work: Work, *, is_known: bool, tenant: str | None) -> None:
        """Count the shares of a machine."""
        self.parked_work += work.parked_work
        self.unauthorised_work += work.unauthorised_work
        (self.site if is_known else self.strangers).add(work)
        if tenant is not None:
            begun = self.site.begun_at
            self.tenants.setdefault(tenant, Proof(begun)).add(work)

    def tick(self, cap_hs: HashesPerSecond, power_w: Watts, now: Seconds) -> bool:
        """Note what holds now; return whether the hashrate is surely above the cap."""
        for kept, value in ((self._caps, cap_hs), (self._power, power_w)):
            if not kept or kept[-1][1] != value:
                kept.append((now, value))
        _drop_old(self._caps, Seconds(now - CAP_REACHES_BACK - 2 * WINDOW))
        _drop_old(self._power, Seconds(now - WINDOW * WINDOWS))
        for proof in (self.strangers, *self.tenants.values()):
            proof.roll(now)
        if not self.site.roll(now):
            return False
        return violates_cap(self.site.windows, max(cap for _, cap in self._caps))

    def mean_power_w(self, seconds: Seconds, now: Seconds) -> Watts:
        """Return the mean of the site's power over the last `seconds`, 0 if unknown."""
        return Watts(_mean(self._power, Seconds(now - seconds), now))


def _drop_old(kept: deque[tuple[Seconds, float]], since: Seconds) -> None:
    """Drop what ceased to hold before `since`."""
    while len(kept) > 1 and kept[1][0] <= since:
        kept.popleft()


def _mean(kept: Iterable[tuple[Seconds, float]], since: Seconds, now: Seconds) -> float:
    total, end = 0.0, now
    for at, value in reversed(list(kept)):
        begin = max(at, since)
        total += value * max(0.0, end - begin)
        end = begin
        if at <= since:
            break
    return total / (now - end) if now > end else 0.0
