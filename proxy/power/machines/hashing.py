"""What the shares of one machine prove: that it hashes, or that it has stopped."""

from attrs import define, field

from protocol.units import HashesPerSecond, Seconds
from protocol.work.hashrate import HASHES_PER_DIFFICULTY
from proxy.power.machines.share_proof import NO_SHARES, SILENCE, ShareSum

HALF = Seconds(300.0)
"""A machine's shares are remembered for one to two of these, of its time at work: at 20
shares a minute 100 to 200 of them, its rate to 10 or 7 %."""

LEAST_SHARES = 10
"""From here on a machine is expected to go on as it was, not as its model says: ten
tell a rate to a third, one dead board of three."""

SURE_BY = 2.0
"""Standard deviations that its own rate is taken to be lower, since it is a guess: 1 in
44 is lower still."""

STRAYS = 2
"""Shares of a stopped machine that prove it: one may have been on its way."""


@define(eq=False, repr=False)
class Hashing:
    """One machine's shares, and those that it owes.

    Attributes:
        difficulty: Of its shares now; 0: not known, nothing is expected.
        proven: Part of its model's rate that its shares prove it to find, while it is
            at work; 0: too few of them yet.
        missed: Shares that it should have sent since the look after its last one:
            by how much that one came before the look, nobody knows.
        strays: Reports of shares since it should have stopped.
        stray_at: When the last of these came.
    """

    difficulty: float = 0.0
    proven: float = field(default=0.0, init=False)
    missed: float = field(default=0.0, init=False)
    strays: int = field(default=0, init=False)
    stray_at: Seconds = field(default=Seconds(0.0), init=False)
    _has_found: bool = field(default=False, init=False)  # since the last look
    _recent: ShareSum = field(default=NO_SHARES, init=False)
    _before: ShareSum = field(default=NO_SHARES, init=False)

    @property
    def shares(self) -> ShareSum:
        """Its shares of late, over its time at work."""
        return self._before + self._recent

    @property
    def has_stopped(self) -> bool:
        """Its silence is no chance: one in a million."""
        return self.missed >= SILENCE

    @property
    def hashes_on(self) -> bool:
        """It was told to stop, and shares prove that it did not."""
        return self.strays >= STRAYS

    def add(self, shares: ShareSum) -> None:
        """Count shares of a machine at work."""
        self._recent = self._recent + shares
        self.missed, self._has_found = 0.0, True

    def stray(self, now: Seconds) -> None:
        """Count shares of a machine that should have stopped long ago."""
        self.strays += 1
        self.stray_at = now

    def owe(self, model_hs: HashesPerSecond, elapsed: Seconds) -> None:
        """Let it be at work for `elapsed`: so many more shares are expected."""
        rate = self.expected_hs(model_hs)
        is_known = self.shares.shares >= LEAST_SHARES and model_hs > 0
        self.proven = rate / model_hs if is_known else 0.0
        if self._recent.seconds >= HALF:
            self._before, self._recent = self._recent, NO_SHARES
        self._recent = self._recent + ShareSum(0, 0.0, 0.0, elapsed)
        has_found, self._has_found = self._has_found, False
        if self.difficulty > 0 and not has_found:
            each = HASHES_PER_DIFFICULTY * self.difficulty
            self.missed += rate * elapsed / each

    def rest(self) -> None:
        """Expect nothing: it is not at work."""
        self.missed, self.proven, self._has_found = 0.0, 0.0, False

    def expected_hs(self, model_hs: HashesPerSecond) -> HashesPerSecond:
        """Return what it can be relied on to find.

        Its model's rate, or less if it has shown to be slower: a dead board is no
        silence.
        """
        shares = self.shares
        if shares.shares < LEAST_SHARES:
            return model_hs
        return min(model_hs, shares.interval(SURE_BY)[0])

    def silence_limit(self, model_hs: HashesPerSecond) -> Seconds:
        """Return after what silence a machine of that rate has stopped."""
        if model_hs <= 0:
            return Seconds(0.0)
        return Seconds(SILENCE * HASHES_PER_DIFFICULTY * self.difficulty / model_hs)
