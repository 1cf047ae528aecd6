"""Let so much through and no more: for what others can cause without end."""

from attrs import define, field

from protocol.units import Seconds


@define
class TokenBucket:
    """A bucket of tokens: `burst` of them at first, `per_second` come back.

    Attributes:
        left_out: How many found none since that was told.
    """

    burst: float
    per_second: float
    left_out: int = field(default=0, init=False)
    _tokens: float = field(init=False)
    _at: float = field(default=0.0, init=False)

    def __attrs_post_init__(self) -> None:
        self._tokens = self.burst

    def take(self, now: Seconds) -> bool:
        """Take a token and return whether there was one.

        Args:
            now: Of a clock that is not set back.
        """
        # The first call comes from time 0: the bucket is full then, whatever it gains.
        gained = max(0.0, now - self._at) * self.per_second
        self._tokens = min(self.burst, self._tokens + gained)
        self._at = now
        if self._tokens < 1:
            self.left_out += 1
            return False
        self._tokens -= 1
        return True

    def told(self) -> int:
        """Return `left_out` and begin to count anew."""
        left_out, self.left_out = self.left_out, 0
        return left_out
