"""Whatever a utility's server says, and however it breaks, it raises no cap."""

import json
import math
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.openadr.book import EventBook, Known
from protocol.openadr.caps import Rules
from protocol.openadr.objects import read_page, read_token
from protocol.units import UnixTime, Watts
from proxy.signals.http_client import Answer
from tests.fakes.order_desk import BUDGET, FAIL_SAFE
from tests.unit.signals.test_openadr_orders import LEASE, POLL, Rig

NOON = UnixTime(1_796_040_000.0)
RULES = Rules("hall-a", Watts(60_000.0), Watts(6_000.0), units="KW")
KNOWN = Known(frozenset({"hall-a"}))

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
    | st.sampled_from(["PT15M", "P9999Y", "2026-11-30T12:00:00Z", "KW", "SIMPLE"])
)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
KINDS = [
    "IMPORT_CAPACITY_LIMIT",
    "DISPATCH_SETPOINT",
    "SIMPLE",
    "PRICE",
    "ALERT_GRID_EMERGENCY",
    "DISPATCH_SETPOINT_RELATIVE",
]


@st.composite
def events(draw: st.DrawFn) -> bytes:
    """An event, some of whose parts are something else."""

    def maybe(sound: Any) -> Any:
        return draw(anything) if draw(st.integers(0, 9)) == 0 else sound

    def period() -> Any:
        start = f"2026-11-30T{draw(st.integers(10, 14))}:00:00Z"
        found = {"start": maybe(start), "duration": maybe("PT15M")}
        return maybe(found | ({"randomizeStart": maybe("PT5M")}))

    def interval(number: int) -> Any:
        kind = draw(st.sampled_from(KINDS))
        values = maybe([maybe(draw(st.integers(0, 80)))])
        payloads = maybe([maybe({"type": maybe(kind), "values": values})])
        found = {"id": number, "payloads": payloads}
        return maybe(
            found | ({"intervalPeriod": period()} if draw(st.booleans()) else {})
        )

    intervals = [interval(n) for n in range(draw(st.integers(0, 4)))]
    body = {
        "id": maybe(f"e{draw(st.integers(0, 3))}"),
        "priority": maybe(draw(st.none() | st.integers(0, 3))),
        "targets": maybe(draw(st.sampled_from([None, ["hall-a"], ["b"]]))),
        "duration": maybe(draw(st.sampled_from([None, "PT1H"]))),
        "payloadDescriptors": maybe(None),
        "intervalPeriod": period(),
        "intervals": maybe(intervals),
    }
    return json.dumps(maybe(body)).encode()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(events(), max_size=4), max_size=4))
def test_any_events_make_a_line_within_the_contract(lists: list[list[bytes]]) -> None:
    book = EventBook(RULES)
    for hour, listed in enumerate(lists):
        verdict = book.hear(listed, KNOWN, UnixTime(NOON + hour * 600.0))

        for span in verdict.line:
            assert 0 <= span.watts <= RULES.budget_w
            assert span.end is None or span.end > span.start
            assert math.isfinite(span.start)
        assert verdict.count + verdict.others <= len(listed)


@given(st.binary(max_size=200) | anything.map(lambda x: json.dumps(x).encode()))
def test_any_bytes_are_a_list_and_a_token_or_refused(data: bytes) -> None:
    for read in (read_page, read_token):
        try:
            read(data)
        except ValueError:
            continue


TROUBLES: dict[str, Any] = {
    "silent": lambda rig: setattr(rig.vtn, "silent", True),
    "behind": lambda rig: setattr(rig, "skew", -3600.0),
    "ahead": lambda rig: setattr(rig, "skew", 3600.0),
    "garbage": lambda rig: say(rig, Answer(200, b'[{"id":')),
    "nothing": lambda rig: say(rig, Answer(200, b"")),
    "no list": lambda rig: say(rig, Answer(200, b"{}")),
    "busy": lambda rig: say(rig, Answer(503, b"[]", {"retry-after": "3"})),
    "refuses": lambda rig: say(rig, Answer(401, b"[]")),
    "unreadable": lambda rig: rig.event("low"),
    "wrong units": lambda rig: rig.event(9e9),
    "replayed": lambda rig: say(
        rig, Answer(200, b"[]", {"date": "Mon, 24 Nov 2025 15:00:00 GMT"})
    ),
}


def say(rig: Rig, answer: Answer) -> None:
    rig.vtn.override["/events"] = answer


def mend(rig: Rig) -> None:
    rig.vtn.silent, rig.skew = False, 0.0
    rig.vtn.override.clear()


steps = st.lists(
    st.tuples(
        st.sampled_from(["well", *TROUBLES]),
        st.integers(0, 100).map(lambda tens: tens * 10.0),
        st.booleans(),
        st.integers(1, 50),
    ),
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@given(steps)
def test_nothing_rises_in_trouble_and_the_lease_lapses(
    found: list[tuple[str, float, bool, int]],
) -> None:
    rig = Rig()
    rig.start()
    try:
        for trouble, kilowatts, is_cleared, seconds in found:
            if is_cleared:
                rig.vtn.objects["reports"].clear()
                rig.vtn.objects["events"].clear()
            rig.event(kilowatts)
            if trouble == "well":
                mend(rig)
                assert rig.after(LEASE + POLL) <= BUDGET
                continue
            before = rig.watts
            TROUBLES[trouble](rig)
            for _ in range(seconds):
                now = rig.after(1)
                assert now <= before, trouble
                before = now
            if trouble not in {"unreadable", "wrong units"} and seconds > LEASE:
                assert rig.watts <= FAIL_SAFE
    finally:
        rig.stop()
