"""Where whoever hears prices hands them on: the price signal of a site."""

from typing import Protocol

from protocol.prices.curve import PriceCurve


class PriceSink(Protocol):
    """A price signal, for sources that hear prices beside orders."""

    def heard(self, curve: PriceCurve) -> None:
        """Take in prices, instead of all those that were heard before.

        Make the curve with `protocol.prices.curve.curve_of`, which refuses what is no
        price. Where they are not heard again, those that are known hold for the time
        that they are of, and beyond it the site's `on_missing`.

        Raises:
            PriceError: They are in another currency than the site's.
        """
