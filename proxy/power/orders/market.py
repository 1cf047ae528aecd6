"""What electricity costs a site and what its hashes earn: what a price steers by."""

from typing import Protocol

from attrs import frozen

from protocol.units import HashesPerSecond, UnixTime, Watts

PETAHASH = 1e15
HOURS_A_DAY = 24.0


@frozen
class ModelGroup:
    """The machines of one model at a site.

    Attributes:
        watts: Of one at full speed, by its model.
        hash_hs: Of one at full speed.
        is_running: How many of them are told to work.
    """

    model: str
    count: int
    watts: Watts
    hash_hs: HashesPerSecond
    running: int = 0


class RewardError(Exception):
    """What a block earns cannot be had; the message says why."""


@frozen
class BlockReward:
    """What a block earns, as a node has it.

    Attributes:
        node: Its name.
        height: Of its newest block.
        btc: Subsidy, and the mean of the fees of a day.
    """

    node: str
    height: int
    difficulty: float
    btc: float


class RewardSource(Protocol):
    """A node that is asked what a block earns."""

    async def read(self) -> BlockReward:
        """Return what it says now; each call ends within a deadline.

        Raises:
            RewardError: It is away, behind, or says what cannot be.
        """

    async def close(self) -> None:
        """Hang up."""


@frozen
class Market:
    """What a price signal steers by, as it last looked.

    Attributes:
        source: The signal's name.
        price: Of a MWh now; None: nobody said.
        adders: What is paid beside it, grid fees and taxes, a MWh.
        hashprice: Of a PH/s for a day; None: not known.
        worth: What that is made of, or why it is not known; empty: it is configured.
        until: When the price ends, Unix seconds.
        known_until: Until when prices are known.
        shed: Models that it keeps off.
    """

    source: str
    price: float | None = None
    adders: float = 0.0
    currency: str = ""
    hashprice: float | None = None
    until: UnixTime | None = None
    known_until: UnixTime | None = None
    shed: tuple[str, ...] = ()
    worth: str = ""

    @property
    def cost(self) -> float | None:
        """What a MWh costs now, all in; None: not known."""
        return None if self.price is None else self.price + self.adders


def breakeven(hash_hs: float, watts: float, hashprice: float) -> float:
    """Return what a MWh may cost where a machine earns what it costs.

    30 J/TH at 45 a PH/s and day: 1 PH/s draws 30 kW, 0.03 MWh earn 45 / 24: 62.5.

    Args:
        hash_hs: Hashes a second.
        watts: What it draws for them, above 0.
        hashprice: What a PH/s earns in a day.
    """
    return earned(hash_hs, hashprice) / (watts / 1e6)


def earned(hash_hs: float, hashprice: float) -> float:
    """Return what hashes earn in an hour."""
    return hashprice / HOURS_A_DAY * hash_hs / PETAHASH


def hashprice_of(difficulty: float, reward_btc: float, btc_price: float) -> float:
    """Return what a PH/s earns in a day, in the currency of `btc_price`.

    Args:
        difficulty: Of the network: a block takes difficulty times 2^32 hashes.
        reward_btc: Of a block, subsidy and fees.
        btc_price: Of one bitcoin.
    """
    blocks = PETAHASH * 3600.0 * HOURS_A_DAY / (difficulty * 2.0**32)
    return blocks * reward_btc * btc_price
