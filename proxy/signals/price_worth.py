"""What hashes earn: a number of the operator's, or what our own node and a price say.

With a node a PH/s earns its part of the blocks of a day: subsidy and mean fees of the
last 144 blocks over the difficulty, times the price of one bitcoin. What was not said
for too long is not known, and a hashprice that is not known raises nothing.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from protocol.prices.curve import PriceError
from protocol.units import Seconds
from proxy.power.orders.market import (
    BlockReward,
    RewardError,
    RewardSource,
    hashprice_of,
)
from proxy.runtime.awaiting import failures_logged
from proxy.runtime.periodic import PeriodicService
from proxy.runtime.tasks import Tasks
from proxy.signals.btc_quotes import BtcQuotes

LOOK_EVERY = Seconds(5.0)

TRY_EVERY = Seconds(30.0)
"""Between two tries of what could not be had."""

REWARD_FOR = Seconds(3600.0)
"""What a node said counts for so long: six blocks. Difficulty changes each two weeks,
fees with each block."""

ASKED_WITHIN = Seconds(600.0)
"""However seldom the document is read, a node is asked so often: a block. What it says
would else be too old before it is asked again."""

Refuse = Callable[[str], None]


class Worth(Protocol):
    """Says what hashes earn."""

    def hashprice(self) -> float | None:
        """Return what a PH/s earns in a day; None: it is not known."""

    @property
    def says(self) -> str:
        """Return what it is made of, or why it is not known; empty: a number."""

    def start(self, refuse: Refuse) -> None:
        """Begin to look; `refuse` is told what could not be used."""

    async def stop(self) -> None:
        """End."""


@define(eq=False, repr=False)
class FixedWorth:
    """A hashprice that the operator configured."""

    value: float
    says: str = field(default="", init=False)

    def hashprice(self) -> float | None:
        """See `Worth`."""
        return self.value

    def start(self, refuse: Refuse) -> None:
        """See `Worth`."""

    async def stop(self) -> None:
        """See `Worth`."""


@define(eq=False, repr=False)
class _Look:
    """Something that is asked again and again."""

    ask: Callable[[], Awaitable[None]]
    every: Seconds
    due: float = 0.0
    is_under_way: bool = False
    fault: str = ""


@define(eq=False, repr=False)
class NodeWorth:
    """A hashprice of our own node, and of a document with the price of a bitcoin.

    Attributes:
        rewards: The node; None: there is none, and nothing is known.
    """

    _log = Logger()

    _quotes: BtcQuotes
    _poll_s: Seconds
    _clock: IReactorTime
    rewards: RewardSource | None = field(default=None, init=False)
    _reward: BlockReward | None = field(default=None, init=False)
    _reward_at: float = field(default=0.0, init=False)
    _refuse: Refuse = field(default=lambda _: None, init=False)
    _tasks: Tasks = field(factory=Tasks, init=False)
    _looks: tuple[_Look, _Look] = field(init=False)
    _ticks: PeriodicService = field(init=False)

    def __attrs_post_init__(self) -> None:
        asked_s = min(self._poll_s, ASKED_WITHIN)
        self._looks = (
            _Look(self._ask_node, asked_s),
            _Look(self._quotes.read, self._poll_s),
        )
        self._ticks = PeriodicService(LOOK_EVERY, self._tick, self._clock)

    def hashprice(self) -> float | None:
        """See `Worth`."""
        reward, price = self._known_reward(), self._quotes.price()
        if reward is None or price is None:
            return None
        return hashprice_of(reward.difficulty, reward.btc, price)

    @property
    def says(self) -> str:
        """See `Worth`."""
        reward, price = self._known_reward(), self._quotes.price()
        if reward is None or price is None:
            faults = [one.fault for one in self._looks if one.fault]
            return "; ".join(faults) or "not said yet"
        return (
            f"{reward.btc:.4f} BTC a block at difficulty {reward.difficulty:.4g}"
            f" ({reward.node}, height {reward.height}),"
            f" {price:g} {self._quotes.currency} a bitcoin"
        )

    def start(self, refuse: Refuse) -> None:
        """See `Worth`."""
        self._refuse = refuse
        self._ticks.startService()

    async def stop(self) -> None:
        """See `Worth`."""
        await self._ticks.stopService()
        await self._tasks.cancel_all()
        await self._quotes.close()
        if self.rewards is not None:
            await self.rewards.close()

    async def _tick(self) -> None:
        for one in self._looks:
            if not one.is_under_way and self._clock.seconds() >= one.due:
                self._tasks.start("look what hashes earn", self._try(one))

    async def _try(self, look: _Look) -> None:
        look.is_under_way = True
        fault = "cannot be had"  # where it fails as nothing else does
        try:
            with failures_logged(self._log, "what hashes earn"):
                fault = await self._fault_of(look)
        finally:
            look.is_under_way = False
        look.due = self._clock.seconds() + (TRY_EVERY if fault else look.every)
        if fault:
            self._refuse(fault)
        if fault and not look.fault:
            self._log.warn("what hashes earn: {why}", why=fault)
        elif look.fault and not fault:
            self._log.info("what hashes earn is said again")
        look.fault = fault

    @staticmethod
    async def _fault_of(look: _Look) -> str:
        try:
            await look.ask()
        except (RewardError, PriceError) as error:
            return str(error)
        return ""

    async def _ask_node(self) -> None:
        if self.rewards is None:
            raise RewardError("there is no node to ask what a block earns")
        self._reward = await self.rewards.read()
        self._reward_at = self._clock.seconds()

    def _known_reward(self) -> BlockReward | None:
        is_old = self._clock.seconds() - self._reward_at > REWARD_FOR
        return None if is_old else self._reward
