"""Where prices are said: a file or a web page, in one of three formats."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, Protocol

import treq
from attrs import define, field, frozen
from twisted.internet import defer
from twisted.internet.error import ConnectError, ConnectionClosed
from twisted.internet.interfaces import IReactorTime
from twisted.web.client import (
    Agent,
    HTTPConnectionPool,
    RequestTransmissionFailed,
    ResponseFailed,
)

from protocol.prices.a44 import read_a44
from protocol.prices.csv_prices import read_csv
from protocol.prices.curve import PriceCurve, PriceError
from protocol.prices.json_prices import read_json
from protocol.prices.units import MAX_DOCUMENT_BYTES, PriceUnit
from protocol.units import Seconds, UnixTime
from proxy.runtime.tls import HttpsPolicy

FETCH_DEADLINE = Seconds(20.0)
"""ENTSO-E answers within seconds; the next try is a poll later."""

CONNECT_DEADLINE = Seconds(5.0)

_UNREACHED = (
    OSError,
    ConnectError,
    ConnectionClosed,
    RequestTransmissionFailed,
    ResponseFailed,
)
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


@frozen
class FileDocument:
    """A file."""

    path: Path

    async def read(self, _: UnixTime) -> bytes:
        """See `Document`."""
        try:
            with self.path.open("rb") as file:
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
    _pool: HTTPConnectionPool = field(init=False)
    _client: treq.client.HTTPClient = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._pool = HTTPConnectionPool(self._reactor, persistent=False)
        agent = Agent(self._reactor, HttpsPolicy(), CONNECT_DEADLINE, pool=self._pool)
        self._client = treq.client.HTTPClient(agent)

    async def read(self, at: UnixTime) -> bytes:
        """See `Document`."""
        clock: IReactorTime = self._reactor
        work = defer.Deferred.fromCoroutine(self._get(at))
        try:
            return await work.addTimeout(FETCH_DEADLINE, clock)
        except defer.TimeoutError as error:
            raise PriceError(f"no answer in {FETCH_DEADLINE:g} s") from error
        except _UNREACHED as error:
            raise PriceError(f"cannot be reached: {type(error).__name__}") from error

    async def close(self) -> None:
        """See `Document`."""
        await self._pool.closeCachedConnections()

    async def _get(self, at: UnixTime) -> bytes:
        headers: dict[bytes | str, bytes | str] = {"accept": "*/*"}
        if self._token is not None and "{token}" not in self._url:
            headers["authorization"] = f"Bearer {self._token}"
        url = address_at(self._url, at).replace("{token}", self._token or "")
        response = await self._client.get(url, headers=headers, allow_redirects=False)
        pieces: list[bytes] = []
        await treq.collect(response, _bounded(pieces))
        if response.code != _OK:
            # ENTSO-E says why in its answer; never the URL, which may hold a token.
            raise PriceError(f"status {response.code}")
        return b"".join(pieces)


def address_at(url: str, at: UnixTime) -> str:
    """Return a URL with the days around a moment, as ENTSO-E writes them."""
    day = datetime.fromtimestamp(at, UTC).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    begin, end = day - timedelta(days=1), day + timedelta(days=2)
    return url.replace("{from}", f"{begin:%Y%m%d%H%M}").replace(
        "{until}", f"{end:%Y%m%d%H%M}"
    )


def _bounded(pieces: list[bytes]) -> Callable[[bytes], None]:
    room = MAX_DOCUMENT_BYTES

    def take(piece: bytes) -> None:
        nonlocal room
        room -= len(piece)
        if room < 0:
            raise PriceError(f"longer than {MAX_DOCUMENT_BYTES} B")
        pieces.append(piece)

    return take
