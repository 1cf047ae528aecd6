"""The price of a bitcoin, as a file or a page says it again and again."""

from collections.abc import Callable
from datetime import UTC, datetime

from attrs import define, field, frozen

from protocol.prices.btc_price import read_btc_price
from protocol.prices.curve import PriceError
from protocol.units import LAST, Seconds, UnixTime
from proxy.signals.price_document import Document

QUOTE_FOR = Seconds(86_400.0)
"""A price counts for a day, in which it moves by some per cent."""

AHEAD = Seconds(60.0)
"""A price from further ahead would not grow old: one of the two clocks is off."""

JUMP = 1.5
"""A price so many times the one before, or that so many times it, counts once it is
read again: that of a file which is being written is not."""


@frozen
class _Quote:
    value: float
    at: UnixTime


@define(eq=False, repr=False)
class BtcQuotes:
    """Reads a document, and knows how old what it says is.

    Its time is what it states, else when its file was written; of a page that states
    none, when it was read.
    """

    _document: Document
    currency: str
    _wall_clock: Callable[[], UnixTime]
    _last: _Quote | None = field(default=None, init=False)
    _doubted: float | None = field(default=None, init=False)

    async def read(self) -> None:
        """Look at the document.

        Raises:
            PriceError: It says nothing that may be used; what was said before counts
                for as long as it would have.
        """
        data = await self._document.read(self._wall_clock())
        found, now = read_btc_price(data, self.currency), self._wall_clock()
        stated = self._document.written_at if found.at is None else found.at
        at = now if stated is None else stated
        self._judge_time(at, now)
        self._judge_jump(found.value)
        self._last = _Quote(found.value, at)

    def price(self) -> float | None:
        """Return what a bitcoin costs; None: nobody said so within the last day."""
        last = self._last
        if last is None or not -AHEAD <= self._wall_clock() - last.at <= QUOTE_FOR:
            return None
        return last.value

    async def close(self) -> None:
        """Hang up."""
        await self._document.close()

    def _judge_time(self, at: UnixTime, now: UnixTime) -> None:
        if at > now + AHEAD:
            raise PriceError(f"btc_price of {_shown(at)}, which is yet to come")
        if now - at > QUOTE_FOR:
            raise PriceError(f"btc_price of {_shown(at)}: older than a day")
        if self._last is not None and at < self._last.at:
            raise PriceError(f"btc_price of {_shown(at)}, older than the one before")

    def _judge_jump(self, value: float) -> None:
        last, doubted = self.price(), self._doubted
        self._doubted = None
        if last is None or _is_near(value, last):
            return
        if doubted is None or not _is_near(value, doubted):
            self._doubted = value
            raise PriceError(f"btc_price {value:g} after {last:g}: read once more")


def _is_near(one: float, other: float) -> bool:
    return max(one, other) <= JUMP * min(one, other)


def _shown(at: float) -> str:
    # A file may have been written whenever its system says, 2^62 s from now too.
    within = min(max(at, 0.0), LAST)
    return datetime.fromtimestamp(within, UTC).strftime("%Y-%m-%d %H:%M")
