"""How often a regtest node lets its miners find a block."""

from collections import deque

from attrs import define, field

from protocol.bitcoin.network import GENESIS_NBITS, Network
from protocol.bitcoin.target import target_from_nbits
from protocol.units import HashesPerSecond, Seconds, UnixTime

NBITS = GENESIS_NBITS[Network.REGTEST]

FIRST_GUESS = HashesPerSecond(1000.0)
"""Where learning begins: too low, which costs a few quick blocks and no wait."""

LEARNED_FROM = 8
"""Blocks by which the miners' hashrate is known: to a third, more or less."""

PATIENCE = 2.0
"""Times `block_every` that may go by before the target is eased."""

_SHORTEST = 0.05  # seconds between blocks that are still told apart

_NETWORK_TARGET = target_from_nbits(NBITS)
_MOST_HASHES = 1 << 255


@define
class BlockPace:
    """Serves targets that miners meet every so often.

    Attributes:
        block_every: Seconds; 0 leaves the pace to the network's own target.
        hashrate: Of all that mine on the node; 0: learned by the blocks they find.
        first_after: As `block_every`, for the first block; 0: no different.
    """

    block_every: Seconds = field(default=Seconds(0.0))
    hashrate: HashesPerSecond = field(default=HashesPerSecond(0.0))
    first_after: Seconds = field(default=Seconds(0.0))
    _since: UnixTime | None = field(default=None, init=False)
    _found: deque[tuple[float, float]] = field(
        factory=lambda: deque(maxlen=LEARNED_FROM), init=False
    )

    def target(self, now: UnixTime) -> int:
        """Return the target to serve, never easier than the network's."""
        hashes = int(min(self._hashes(now), _MOST_HASHES))
        return min(_NETWORK_TARGET, (1 << 256) // max(hashes, 1))

    def level(self, now: UnixTime) -> int:
        """Return how often the target has been doubled for want of blocks.

        At another level, another template is served.
        """
        if self.hashrate or not self.block_every or self._since is None:
            return 0
        waited = (now - self._since) / (PATIENCE * self.block_every)
        return max(int(waited), 0).bit_length()

    def block_found(self, now: UnixTime) -> None:
        """Learn from a block that a miner brought."""
        if self._since is not None:
            elapsed = max(now - self._since, _SHORTEST)
            self._found.append((self._hashes(now), elapsed))
        self._since = now

    def estimate(self) -> HashesPerSecond:
        """Return the miners' hashrate, as far as it is known."""
        if self.hashrate:
            return self.hashrate
        if not self._found:
            return FIRST_GUESS
        hashes, seconds = map(sum, zip(*self._found, strict=True))
        return HashesPerSecond(hashes / seconds)

    def _hashes(self, now: UnixTime) -> float:
        """Hashes that a block takes on average."""
        wish = self.block_every
        if self._since is None and self.first_after:
            wish = self.first_after
        return wish * self.estimate() / (1 << self.level(now))
