"""The channel that we ask a pool for, and what we tell it of our size later."""

from attrs import define, field

from protocol.bitcoin.target import MAX_TARGET
from protocol.sv2.mining import OpenExtendedMiningChannel, UpdateChannel
from protocol.units import HashesPerSecond, Seconds

UPDATE_SPACING = Seconds(1.0)
UPDATE_STEP = 0.1  # of the hashrate: less is noise to a pool

_LEAST_SIZE = 3  # bytes of extranonce: no layout of ours needs less


@define(eq=False, repr=False)
class ChannelRequest:
    """What one connection's pool is asked for.

    Attributes:
        hashrate: Hashes per second that the pool knows of.
        min_size: Bytes of extranonce to ask for.
    """

    hashrate: HashesPerSecond
    min_size: int
    _updated_at: Seconds | None = field(default=None, init=False)

    def opening(self, user: str) -> OpenExtendedMiningChannel:
        """Return what asks for the channel, for `user` to be credited."""
        # Any target will do: what miners are asked for is decided here, not by the
        # pool.
        return OpenExtendedMiningChannel(
            1, user, self.hashrate, MAX_TARGET, self.min_size
        )

    def lower_size(self) -> bool:
        """Ask for a byte less from now on; return whether we can do with that."""
        if self.min_size <= _LEAST_SIZE:
            return False
        self.min_size -= 1  # the refusal has no field for how many it leaves
        return True

    def update(
        self, channel_id: int, hashrate: HashesPerSecond, now: Seconds
    ) -> UpdateChannel | None:
        """Return what tells the pool of a new hashrate; None if it need not know.

        Once a second at the most, and only if it has changed by a tenth.
        """
        if abs(hashrate - self.hashrate) <= UPDATE_STEP * self.hashrate:
            return None
        if self._updated_at is not None and now - self._updated_at < UPDATE_SPACING:
            return None
        self.hashrate, self._updated_at = hashrate, now
        return UpdateChannel(channel_id, hashrate, MAX_TARGET)
