"""All events that a utility lists, and what they say together.

An event that is no longer listed is cancelled. One that can no longer be read keeps
what it said before; one that never could be holds up every rise for as long as it may
be in force, since it may be a limit.
"""

from collections.abc import Iterable, Mapping, Sequence

from attrs import define, evolve, field, frozen

from protocol.openadr.caps import FOR_EVER, NEVER, Price, Reading, Rules, read_caps
from protocol.openadr.moments import parse_moment
from protocol.openadr.objects import (
    Broken,
    Descriptor,
    Event,
    TypedTarget,
    read_event,
)
from protocol.openadr.reports import Ack
from protocol.openadr.timeline import Span, line_of
from protocol.units import UnixTime

MAX_CAPS = 4000
"""Limits of all events together: their line has at most twice as many spans, and a
site takes 10,000 orders of one source."""

MAX_PRICES = 10_000

MAX_INTERVALS_OF_ALL = 20_000
"""Of all events of a list: two hundred days of quarter hours."""

_OURS = frozenset({"VEN_NAME", "RESOURCE_NAME"})
"""Kinds of targets that name one node (OpenADR 3.0); others name groups."""


@frozen
class Known:
    """What is known of an end node and its programmes.

    Attributes:
        names: It, its resources, and the targets of both.
        programmes: Descriptors of each programme, by its id.
    """

    names: frozenset[str]
    programmes: Mapping[str, Sequence[Descriptor]] = field(factory=dict)


@frozen
class Verdict:
    """What all events say.

    Attributes:
        line: The limits.
        may_raise: Nothing in it keeps the site from drawing more.
        prices: The prices that are listed, each event's in its order.
        refusals: Id of an event (empty: it has none) and what was not taken.
        acks: What became of each event that is this site's.
        asking: Ids of events without a limit that ask for reports.
        limiting: Ids of events with limits that are not over, or refused, and whether
            they ask for reports.
        count: Events of this site.
        others: Events for others.
    """

    line: tuple[Span, ...] = ()
    may_raise: bool = True
    prices: tuple[Price, ...] = ()
    refusals: tuple[tuple[str, str], ...] = ()
    acks: tuple[Ack, ...] = ()
    asking: tuple[str, ...] = ()
    limiting: tuple[tuple[str, bool], ...] = ()
    count: int = 0
    others: int = 0


@frozen
class Entry:
    """An event as it was last heard; `good` is the last reading of all of it."""

    data: bytes
    programme: tuple[Descriptor, ...]
    reading: Reading
    good: Reading | None
    first_heard: UnixTime
    asks_reports: bool = False


@define
class EventBook:
    """What was read of each event that is listed."""

    _rules: Rules
    _entries: dict[str, Entry] = field(factory=dict, init=False)

    def hear(self, events: Sequence[bytes], known: Known, now: UnixTime) -> Verdict:
        """Return what the events of a list say.

        Args:
            events: All that are listed, as JSON, of any site.
            known: Whose they may be.
            now: The moment.
        """
        hearing = self.begin(known, now)
        for data in events:
            hearing.add(data)
        return hearing.verdict()

    def begin(self, known: Known, now: UnixTime) -> "Hearing":
        """Return what takes in a list event by event; see `hear`."""
        return Hearing(self, known, now)

    def end(self, entries: dict[str, "Entry"]) -> None:
        """Forget the events that are not in a list that was heard to its end."""
        self._entries = entries

    def entry(
        self, event: Event | Broken, data: bytes, known: Known, now: UnixTime
    ) -> "Entry":
        """Return an event as it is heard, beside what it said before."""
        before = self._entries.get(str(event.id))
        programme: tuple[Descriptor, ...] = ()
        if isinstance(event, Event):
            programme = tuple(known.programmes.get(event.program_id, ()))
        if before and (before.data, before.programme) == (data, programme):
            return before
        first = before.first_heard if before else now
        good = before.good if before else None
        if isinstance(event, Broken):
            why = (event.why,)
            lost = Reading(str(event.id), refused=why, unread_until=FOR_EVER)
            return Entry(data, programme, lost, good, first)
        reading = read_caps(event, self._rules, programme, _created(event, first))
        is_whole = reading.unread_until == NEVER
        return Entry(
            data,
            programme,
            reading,
            reading if is_whole else good,
            first,
            event.asks_reports,
        )


@define
class Hearing:
    """A list that is heard event by event, so that whoever hears may rest between."""

    _book: EventBook
    _known: Known
    _now: UnixTime
    _entries: dict[str, Entry] = field(factory=dict, init=False)
    _nameless: list[str] = field(factory=list, init=False)
    _others: int = field(default=0, init=False)
    _intervals: int = field(default=0, init=False)

    def add(self, data: bytes) -> None:
        """Take in one event, as JSON."""
        event = read_event(data)
        if isinstance(event, Event):
            self._intervals += len(event.intervals or ())
            if not is_ours(event, self._known.names):
                self._others += 1
                return
            if self._intervals > MAX_INTERVALS_OF_ALL:
                event = Broken(event.id, f"more than {MAX_INTERVALS_OF_ALL} intervals")
        before = None if event.id is None else self._entries.get(event.id)
        if event.id is None:
            self._nameless.append(event.why)
        elif before is not None and before.data != data:
            self._nameless.append(f"two events are called {event.id[:64]}")
        else:
            heard = self._book.entry(event, data, self._known, self._now)
            self._entries[event.id] = heard

    def verdict(self) -> Verdict:
        """Return what all of them say; those that were not added are cancelled."""
        self._book.end(self._entries)
        found = _verdict(self._entries.values(), self._nameless, self._now)
        return evolve(found, others=self._others)


def is_ours(event: Event, names: frozenset[str]) -> bool:
    """Tell whether an event is for one of `names`; one without targets is for all."""
    targets = event.targets or ()
    plain = [one for one in targets if isinstance(one, str)]
    typed = [
        value
        for one in targets
        if isinstance(one, TypedTarget) and one.type in _OURS
        for value in one.values
    ]
    return not (plain or typed) or not names.isdisjoint((*plain, *typed))


def _created(event: Event, first_heard: UnixTime) -> UnixTime:
    try:
        created = parse_moment(event.created_date_time or "")
    except ValueError:
        created = None
    return first_heard if created is None else created


def _verdict(
    entries: Iterable[Entry], nameless: Sequence[str], now: UnixTime
) -> Verdict:
    found = list(entries)
    used = [entry.good or entry.reading for entry in found]
    caps = [cap for one in used for cap in one.caps if cap.end is None or cap.end > now]
    refusals = [("", why) for why in nameless]
    refusals += [(e.reading.event_id, why) for e in found for why in e.reading.refused]
    is_unread = bool(nameless) or any(
        entry.good is None and entry.reading.unread_until > now for entry in found
    )
    if len(caps) > MAX_CAPS:
        refusals.append(("", f"more than {MAX_CAPS} limits: the next ones count"))
        caps = sorted(caps, key=lambda cap: cap.start)[:MAX_CAPS]
        is_unread = True  # one of those left out may be in force
    prices = [price for one in used for price in one.prices]
    return Verdict(
        line_of(caps),
        not is_unread,
        tuple(prices[:MAX_PRICES]),
        tuple(refusals),
        tuple(_ack(entry) for entry in found),
        tuple(
            e.reading.event_id
            for e, one in zip(found, used, strict=True)
            if e.asks_reports and not one.caps
        ),
        tuple(
            (e.reading.event_id, e.asks_reports)
            for e, one in zip(found, used, strict=True)
            if e.reading.refused
            or any(cap.end is None or cap.end > now for cap in one.caps)
        ),
        len(found),
    )


def _ack(entry: Entry) -> Ack:
    reading = entry.reading
    if not reading.refused:
        return Ack(reading.event_id, "TAKEN")
    why = "; ".join(reading.refused)[:200]
    if reading.unread_until > NEVER and entry.good is not None:
        return Ack(reading.event_id, "KEPT", why)
    return Ack(reading.event_id, "REFUSED", why)
