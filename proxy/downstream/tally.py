"""What a miner's shares come to, for those who hold its power to account."""

from attrs import define

from protocol.bitcoin.target import target_from_difficulty
from protocol.units import Seconds
from protocol.work.judge import DUPLICATE_KEY_BYTES
from protocol.work.share import JudgedShare, Verdict

PARKED_GRACE = Seconds(135.0)
"""How long a machine may go on with its last job: firmware stops it in 120 to 130 s."""


@define(eq=False, repr=False)
class Tally:
    """Sums over shares, in units of difficulty.

    Attributes:
        shares: Accepted ones.
        work: Of the accepted ones.
        work2: Sum of the squares of their difficulties: tells how sure `work` is.
        parked_work: The part of `work` that came while parked.
        unauthorised_work: Of shares refused because they came while parked for long.
        stale: Shares refused because their job was over, those among them.
    """

    shares: int = 0
    work: float = 0.0
    work2: float = 0.0
    parked_work: float = 0.0
    unauthorised_work: float = 0.0
    stale: int = 0

    def count(self, share: JudgedShare, *, is_parked: bool) -> None:
        """Count a share that was accepted."""
        self.shares += 1
        self.work += share.difficulty
        self.work2 += share.difficulty**2
        if is_parked:
            self.parked_work += share.difficulty

    def add(self, shares: int, work: float, work2: float) -> None:
        """Count shares that were accepted while at work, summed up already."""
        self.shares += shares
        self.work += work
        self.work2 += work2

    @property
    def is_empty(self) -> bool:
        """Nothing was counted that anybody has to be told of."""
        return not (self.shares or self.unauthorised_work or self.stale)

    def refuse(self, share: JudgedShare) -> None:
        """Count a share that was refused for coming too long after parking."""
        self.unauthorised_work += share.difficulty


def is_unauthorised(share: JudgedShare) -> bool:
    """Tell whether a stale share stands for hashing, and note it so that it does once.

    Any text can call itself a share: only one that meets its difficulty proves work.
    """
    if share.verdict is not Verdict.STALE or share.job is None:
        return False
    value = int.from_bytes(share.hash, "little")
    key = share.hash[:DUPLICATE_KEY_BYTES]
    if key in share.job.seen or value > target_from_difficulty(share.difficulty):
        return False
    share.job.seen.add(key)
    return True
