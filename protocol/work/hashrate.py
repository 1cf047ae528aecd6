"""Hashrate from accepted shares, over several windows, and how sure it is."""

import math
from collections.abc import Callable
from math import exp, expm1
from typing import cast

import msgspec
from attrs import define, field

from protocol.units import HashesPerSecond, Seconds

HASHES_PER_DIFFICULTY = 4294967296.0
"""Expected hashes behind one unit of difficulty."""

WINDOWS = (Seconds(60.0), Seconds(300.0), Seconds(3600.0), Seconds(86400.0))

_M1, _M5, _H1, _H24 = WINDOWS
_FOLD_SECONDS = 5.0  # how finely shares are placed in time


class Hashrates(msgspec.Struct, frozen=True):
    """Hashes per second over the windows that status shows."""

    m1: HashesPerSecond = msgspec.field(name="1m")
    m5: HashesPerSecond = msgspec.field(name="5m")
    h1: HashesPerSecond = msgspec.field(name="1h")
    h24: HashesPerSecond = msgspec.field(name="24h")


# Lets mypy take plain floats: to wrap each in its NewType is a call.
_hashrates = cast("Callable[[float, float, float, float], Hashrates]", Hashrates)
_NONE = _hashrates(0.0, 0.0, 0.0, 0.0)


@define
class HashrateMeter:
    """Exponentially weighted hashrate over `WINDOWS`.

    Each average is divided by the weight that time since the start could have
    given it, so it is unbiased from the first share on.
    """

    _start: Seconds
    _folded: Seconds = field(init=False)
    _pending: float = field(default=0.0, init=False)
    _pending_at: Seconds = field(default=Seconds(0.0), init=False)
    _sums: list[float] = field(factory=lambda: [0.0] * len(WINDOWS), init=False)

    def __attrs_post_init__(self) -> None:
        self._folded = self._start

    def add(self, difficulty: float, now: Seconds) -> None:
        """Count an accepted share."""
        # Shares of five seconds are one sum, aged as the last of them: an exp for each
        # window once in that time, and not for each share.
        self._pending += difficulty
        self._pending_at = now
        if now - self._folded >= _FOLD_SECONDS:
            self._fold(now)

    def rates(self, now: Seconds) -> Hashrates:
        """Return the hashrate over each window, 0 before any time has passed.

        Written out window by window: a page of miners asks 1,000 times for it, and a
        loop takes twice as long.
        """
        age = now - self._start
        if age <= 0:
            return _NONE
        m1, m5, h1, h24 = self._sums
        if not (h24 or self._pending):
            return _NONE  # no share yet, as of most of a hall that is held off
        gone = self._folded - now
        m1 *= exp(gone / _M1)
        m5 *= exp(gone / _M5)
        h1 *= exp(gone / _H1)
        h24 *= exp(gone / _H24)
        if pending := self._pending:
            since = self._pending_at - now
            m1 += pending * exp(since / _M1)
            m5 += pending * exp(since / _M5)
            h1 += pending * exp(since / _H1)
            h24 += pending * exp(since / _H24)
        # by the weight that time since the start could have given each
        return _hashrates(
            m1 * HASHES_PER_DIFFICULTY / (-_M1 * expm1(-age / _M1)),
            m5 * HASHES_PER_DIFFICULTY / (-_M5 * expm1(-age / _M5)),
            h1 * HASHES_PER_DIFFICULTY / (-_H1 * expm1(-age / _H1)),
            h24 * HASHES_PER_DIFFICULTY / (-_H24 * expm1(-age / _H24)),
        )

    def rate(self, now: Seconds) -> HashesPerSecond:
        """Return the hashrate over five minutes alone."""
        age = now - self._start
        if age <= 0:
            return HashesPerSecond(0.0)
        work = self._sums[1] * exp((self._folded - now) / _M5)
        if self._pending:
            work += self._pending * exp((self._pending_at - now) / _M5)
        # exp - 1 would lose digits while the age is small beside the window.
        weight = -expm1(-age / _M5)
        return HashesPerSecond(work * HASHES_PER_DIFFICULTY / (_M5 * weight))

    def _fold(self, now: Seconds) -> None:
        elapsed = now - self._folded
        since = self._pending_at - now if self._pending else 0.0
        for i, window in enumerate(WINDOWS):
            recent = self._pending * exp(since / window)
            self._sums[i] = self._sums[i] * exp(-elapsed / window) + recent
        self._pending = 0.0
        self._folded = now


def relative_error(shares: float) -> float:
    """Return one standard deviation of a hashrate from `shares` equal shares.

    Shares are a Poisson process: 1/sqrt(n); infinite for none.
    """
    return 1.0 / math.sqrt(shares) if shares > 0 else math.inf
