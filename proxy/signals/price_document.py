"""Where prices are said: a file or a web page, in one of three formats."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, Protocol

from attrs import define, field, frozen

from protocol.prices.a44 import read_a44
from protocol.prices.csv_prices import read_csv
from protocol.prices.curve import PriceCurve, PriceError
from protocol.prices.json_prices import read_json
from protocol.prices.units import MAX_DOCUMENT_BYTES, PriceUnit
from protocol.units import Seconds, UnixTime
from proxy.regular_file import open_regular
from proxy.signals.http_client import HttpClient, NoAnswerError

FETCH_DEADLINE = Seconds(20.0)
"""ENTSO-E answers within seconds; the next try is a poll later."""

_OK = 200

Format = Literal["csv", "json", "entsoe-a44"]


@frozen
class PriceFormat:
    """How a document is read.

    Attributes:
        unit: What a price is for; A44 says so itself.
        zone: Bidding zone; None: the document has one.
        currency: Of the prices; one that a document states has to be the same.
    """

    format: Format
    unit: PriceUnit = "MWh"
    zone: str | None = None
    currency: str = ""
    time_zone: str = "UTC"

    def read(self, data: bytes) -> PriceCurve:
        """Return the prices in a document.

        Raises:
            PriceError: It has none that can be used.
        """
        match self.format:
            case "csv":
                return read_csv(data, self.unit, self.time_zone, self.currency)
            case "json":
                return read_json(
                    data,
                    self.unit,
                    currency=self.currency,
                    zone=self.zone,
                    time_zone=self.time_zone,
                )
            case "entsoe-a44":
                return self.checked(read_a44(data, self.zone))

    def checked(self, curve: PriceCurve) -> PriceCurve:
        """Return prices, if they are in the currency that they should be in.

        Raises:
            PriceError: They are in another one.
        """
        if curve.intervals and self.currency not in {"", curve.currency}:
            raise PriceError(f"prices in {curve.currency}: Expected {self.currency}")
        return curve


class Document(Protocol):
    """Something that can be read again and again."""

    async def read(self, at: UnixTime) -> bytes:
        """Return what it says now.

        Raises:
            PriceError: It cannot be read, or is too long.
        """

    async def close(self) -> None:
        """Hang up."""

    @property
    def written_at(self) -> UnixTime | None:
        """Return when what was read last was written; None: it does not say."""


@define(eq=False, repr=False)
class FileDocument:
    """A file."""

    path: Path
    written_at: UnixTime | None = field(default=None, init=False)

    async def read(self, _: UnixTime) -> bytes:
        """See `Document`."""
        try:
            with open_regular(self.path) as file:
                self.written_at = UnixTime(os.fstat(file.fileno()).st_mtime)
                # One more, by which a file that is too long is seen.
                return file.read(MAX_DOCUMENT_BYTES + 1)
        except OSError as error:
            raise PriceError(f"{self.path}: {error.strerror}") from error

    async def close(self) -> None:
        """See `Document`."""


@define(eq=False, repr=False)
class WebDocument:
    """A page: `{from}` and `{until}` in its URL are two days around now, in UTC.

    `{token}` in it is the token; else that is shown as a bearer token.
    """

    _reactor: Any
    _url: str
    _token: str | None = None
    written_at: UnixTime | None = field(default=None, init=False)
    _client: HttpClient = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._client = HttpClient(self._reactor, FETCH_DEADLINE)

    async def read(self, at: UnixTime) -> bytes:
        """See `Document`."""
        # What comes compressed is not unpacked: a few bytes may be hundreds of MB.
        headers = {"accept": "*/*", "accept-encoding": "identity"}
        if self._token is not None and "{token}" not in self._url:
            headers["authorization"] = f"Bearer {self._token}"
        url = address_at(self._url, at).replace("{token}", self._token or "")
        try:
            answer = await self._client.ask("GET", url, headers)
        except NoAnswerError as error:
            raise PriceError(f"cannot be read: {error}") from error
        if answer.status != _OK:
            # ENTSO-E says why in its answer; never the URL, which may hold a token.
            raise PriceError(f"status {answer.status}")
        return answer.body

    async def close(self) -> None:
        """See `Document`."""
        await self._client.close()


def address_at(url: str, at: UnixTime) -> str:
    """Return a URL with the days around a moment, as ENTSO-E writes them."""
    day = datetime.fromtimestamp(at, UTC).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    begin, end = day - timedelta(days=1), day + timedelta(days=2)
    return url.replace("{from}", f"{begin:%Y%m%d%H%M}").replace(
        "{until}", f"{end:%Y%m%d%H%M}"
    )
