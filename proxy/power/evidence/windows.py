"""What a site's shares prove, window by window: whether the cap was kept."""

from collections import deque

from attrs import define, field

from protocol.units import HashesPerSecond, Seconds
from proxy.power.link.messages import MinerWork
from proxy.power.machines.share_proof import NO_SHARES, ShareSum, violates_cap

WINDOW = Seconds(30.0)
"""At 20 shares a minute, 1,000 machines are known to 1 % in this time."""

WINDOWS = 20
"""Ten minutes: all that is ever looked at together is 16 (`efficiency.LOOKS`)."""

CAP_REACHES_BACK = Seconds(180.0)
"""Machines that were told to stop may go on with their last job for 135 s."""


@define(eq=False, repr=False)
class Proof:
    """Shares of one site or tenant, in windows of 30 s, ten minutes of them."""

    begun_at: Seconds
    _open: ShareSum = field(default=NO_SHARES, init=False)
    _closed: deque[ShareSum] = field(factory=lambda: deque(maxlen=WINDOWS), init=False)

    def add(self, work: MinerWork) -> None:
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
        """Return the sum of the last windows, as many as make up `seconds`."""
        total = NO_SHARES
        for window in reversed(self._closed):
            # Windows are of 30 s and a bit: asked by time and not by number.
            if total.seconds >= seconds:
                break
            total = total + window
        return total


@define(eq=False, repr=False)
class ShareEvidence:
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
    _is_known: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self.site = Proof(self.begun_at)
        self.strangers = Proof(self.begun_at)

    def add(self, work: MinerWork, *, is_known: bool, tenant: str | None) -> None:
        """Count the shares of a machine."""
        self.parked_work += work.parked_work
        self.unauthorised_work += work.unauthorised_work
        (self.site if is_known else self.strangers).add(work)
        if tenant is not None:
            begun = self.site.begun_at
            self.tenants.setdefault(tenant, Proof(begun)).add(work)

    @property
    def cap_hs(self) -> HashesPerSecond:
        """The highest cap that shares of the last two windows may stem from."""
        return HashesPerSecond(max((cap for _, cap in self._caps), default=0.0))

    @property
    def exceeds_cap(self) -> bool:
        """The last two windows prove, each by itself, more hashes than the cap.

        Not before the cap is known for as long as their shares may stem from.
        """
        return self._is_known and violates_cap(self.site.windows, self.cap_hs)

    def tick(self, cap_hs: HashesPerSecond, now: Seconds) -> bool:
        """Note what holds now; return whether a window has closed."""
        # Only changes are kept: the cap is the same for most seconds.
        if not self._caps or self._caps[-1][1] != cap_hs:
            self._caps.append((now, cap_hs))
        since = now - CAP_REACHES_BACK - 2 * WINDOW
        # An entry holds until the next one begins: it goes when that one reaches back
        # far enough.
        while len(self._caps) > 1 and self._caps[1][0] <= since:
            self._caps.popleft()
        self._is_known = self._caps[0][0] <= since
        for proof in (self.strangers, *self.tenants.values()):
            proof.roll(now)
        return self.site.roll(now)
