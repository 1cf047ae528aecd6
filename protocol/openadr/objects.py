"""The objects of OpenADR 3.1 that a virtual end node reads, as JSON has them.

Keys that are not named here are left out: programmes add their own. Each event is read
alone, so that one that cannot be read costs no other.
"""

from typing import Annotated, Any, TypeVar

import msgspec
from attrs import frozen
from msgspec import Meta, Raw, Struct, field

from protocol.unreadable import UNREADABLE

T = TypeVar("T")

PAGE = 50
"""Objects that a VTN lists at a time, at most (OpenADR 3.1, parameter `limit`)."""

MAX_INTERVALS = 4000
"""Of an event: a quarter of an hour each for 41 days."""

MAX_PAYLOADS = 64
"""Of an interval: there are some 30 kinds."""

Text = Annotated[str, Meta(max_length=256)]
Id = Annotated[str, Meta(min_length=1, max_length=128)]


class IntervalPeriod(Struct, frozen=True, rename="camel"):
    """When something is; what is not said is null."""

    start: Text | None = None
    duration: Text | None = None
    randomize_start: Text | None = None


class Payload(Struct, frozen=True):
    """Values of a kind."""

    type: Text
    values: Annotated[list[Any], Meta(max_length=1000)] | None = None


class Interval(Struct, frozen=True, rename="camel"):
    """A time with what holds in it."""

    payloads: Annotated[list[Payload], Meta(max_length=MAX_PAYLOADS)]
    id: int = 0
    interval_period: IntervalPeriod | None = None


class Descriptor(Struct, frozen=True, rename="camel"):
    """What values of a kind are in."""

    payload_type: Text = ""
    units: Text | None = None
    currency: Text | None = None


class TypedTarget(Struct, frozen=True):
    """A target as OpenADR 3.0 has it; 3.1 has plain names."""

    type: Text
    values: list[Text]


Descriptors = Annotated[list[Descriptor], Meta(max_length=MAX_PAYLOADS)]
Targets = Annotated[list[Text | TypedTarget], Meta(max_length=256)]


class Event(Struct, frozen=True, rename="camel"):
    """An event; see `caps` for what it means."""

    id: Id
    program_id: Text = field(default="", name="programID")
    created_date_time: Text | None = None
    event_name: Text | None = None
    duration: Text | None = None
    priority: Annotated[int, Meta(ge=0, le=1 << 32)] | None = None
    targets: Targets | None = None
    report_descriptors: Annotated[list[Raw], Meta(max_length=64)] | None = None
    payload_descriptors: Descriptors | None = None
    interval_period: IntervalPeriod | None = None
    intervals: Annotated[list[Interval], Meta(max_length=MAX_INTERVALS)] | None = None

    @property
    def label(self) -> str:
        """What it is called, for people: printable."""
        name = self.event_name or ""
        return name[:64] if name and name.isprintable() else self.id[:64]

    @property
    def asks_reports(self) -> bool:
        """It asks its readers for reports."""
        return bool(self.report_descriptors)


class Program(Struct, frozen=True, rename="camel"):
    """A programme, of which events are."""

    id: Id
    program_name: Text = ""
    payload_descriptors: Descriptors | None = None


class Ven(Struct, frozen=True, rename="camel"):
    """A virtual end node, or one of its resources."""

    id: Id
    ven_name: Text = ""
    resource_name: Text = ""
    targets: Targets | None = None


class Report(Struct, frozen=True, rename="camel"):
    """A report that a VTN has."""

    id: Id


class Authentication(Struct, frozen=True):
    """What a broker is shown: `ANONYMOUS`, or `OAUTH2_BEARER_TOKEN` as `username`."""

    method: Text = "ANONYMOUS"
    username: Text | None = None


class Binding(Struct, frozen=True):
    """Where notices are told over MQTT."""

    uris: Annotated[list[Text], Meta(max_length=16)] = field(name="URIS")
    authentication: Authentication = Authentication()


class Notifiers(Struct, frozen=True):
    """How a VTN tells of what is new; null: not over MQTT."""

    mqtt: Binding | None = field(default=None, name="MQTT")


class Operations(Struct, frozen=True):
    """Topics, each of one operation."""

    create: Text | None = field(default=None, name="CREATE")
    update: Text | None = field(default=None, name="UPDATE")
    delete: Text | None = field(default=None, name="DELETE")


class NoticeTopics(Struct, frozen=True):
    """Where a VTN tells of objects of a kind."""

    topics: Operations


class Token(Struct, frozen=True):
    """An access token (RFC 6749, 5.1)."""

    access_token: Annotated[str, Meta(min_length=1, max_length=16384)]
    token_type: str = "Bearer"  # noqa: S105  (a kind, no secret)
    expires_in: Annotated[float, Meta(ge=0, le=1e9)] | None = None


class _Named(Struct, frozen=True):
    id: Id


@frozen
class Broken:
    """An event that cannot be read.

    Attributes:
        id: Of it; None: not even that.
        why: What is wrong.
    """

    id: str | None
    why: str


_page = msgspec.json.Decoder(list[Raw])
_event = msgspec.json.Decoder(Event)
_named = msgspec.json.Decoder(_Named)
_programs = msgspec.json.Decoder(list[Program])
_vens = msgspec.json.Decoder(list[Ven])
_ven = msgspec.json.Decoder(Ven)
_report = msgspec.json.Decoder(Report)
_reports = msgspec.json.Decoder(list[Report])
_notifiers = msgspec.json.Decoder(Notifiers)
_topics = msgspec.json.Decoder(NoticeTopics)
_token = msgspec.json.Decoder(Token)


def read_page(data: bytes) -> list[bytes]:
    """Return the objects in a list, none of them read.

    Raises:
        ValueError: It is no list.
    """
    return [bytes(raw) for raw in _read(_page, data)]


def read_event(data: bytes) -> Event | Broken:
    """Return an event."""
    try:
        return _event.decode(data)
    except UNREADABLE as error:
        return Broken(_id_of(data), str(error))


def read_programs(data: bytes) -> list[Program]:
    """Return programmes; raises as `read_page` does."""
    return _read(_programs, data)


def read_vens(data: bytes) -> list[Ven]:
    """Return end nodes or resources; raises as `read_page` does."""
    return _read(_vens, data)


def read_ven(data: bytes) -> Ven:
    """Return an end node; raises as `read_page` does."""
    return _read(_ven, data)


def read_reports(data: bytes) -> list[Report]:
    """Return reports; raises as `read_page` does."""
    return _read(_reports, data)


def read_report(data: bytes) -> Report:
    """Return a report; raises as `read_page` does."""
    return _read(_report, data)


def read_notifiers(data: bytes) -> Notifiers:
    """Return how a VTN tells of what is new; raises as `read_page` does."""
    return _read(_notifiers, data)


def read_topics(data: bytes) -> list[str]:
    """Return topics that notices come on; raises as `read_page` does."""
    found = _read(_topics, data).topics
    return [one for one in (found.create, found.update, found.delete) if one]


def read_token(data: bytes) -> Token:
    """Return an access token that a header can hold.

    Raises:
        ValueError: It is none.
    """
    token = _read(_token, data)
    shown = token.access_token
    if not (shown.isascii() and shown.isprintable()) or " " in shown:
        raise ValueError("an access token of other than printable characters")
    if token.token_type.lower() != "bearer":
        raise ValueError(f"a token of type {token.token_type[:40]!r}, not Bearer")
    return token


def _read(decoder: msgspec.json.Decoder[T], data: bytes) -> T:
    try:
        return decoder.decode(data)
    except UNREADABLE as error:
        raise ValueError(str(error)) from error


def _id_of(data: bytes) -> str | None:
    try:
        return _named.decode(data).id
    except UNREADABLE:
        return None
