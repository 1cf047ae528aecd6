"""Whether a device is what it was identified as, by how it takes commands.

A VNish that was taken for a stock Antminer, an address that DHCP gave to another
machine, firmware that was changed: each is read more or less well, refuses commands or
acknowledges them, and does nothing. It is looked at anew after that.
"""

from attrs import define

from protocol.units import Seconds

FORGET_AFTER = 5
"""Failures in a row after which a device is identified anew: it may be another."""

REFUSALS = 2
"""Refused commands in a row after which it is: a locked device costs one look more."""

UNPROVEN_AFTER = Seconds(60.0)
"""A machine that is at work so long after it acknowledged a sleep has not obeyed; the
slowest firmware takes 21 s to."""


@define(eq=False, repr=False)
class Doubts:
    """What speaks against the identity of one device."""

    _failures: int = 0
    _refusals: int = 0
    _slept_at: Seconds | None = None

    @property
    def is_in_doubt(self) -> bool:
        """It is to be identified anew."""
        return self._failures >= FORGET_AFTER or self._refusals >= REFUSALS

    def failed(self) -> None:
        """Take note that a call met an error."""
        self._failures += 1

    def commanded(self, *, is_sleep: bool, is_taken: bool, now: Seconds) -> None:
        """Take note of the answer to a command."""
        self._failures = 0
        self._refusals = 0 if is_taken else self._refusals + 1
        self._slept_at = now if is_sleep and is_taken else None

    def read(self, *, is_asleep: bool | None, now: Seconds) -> None:
        """Take note of how it says that it is."""
        self._failures = 0
        if self._slept_at is None or now - self._slept_at < UNPROVEN_AFTER:
            return
        self._slept_at = None
        if is_asleep is False:
            self._refusals = REFUSALS
