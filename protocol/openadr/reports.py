"""What a site reports to its utility (OpenADR 3.1, report).

A report belongs to an event. It has the mean power of the time since the last one, the
limit in force, and an acknowledgement for each event of the site: 3.1 has no object to
opt in or out, so it is a private payload `X-BASELOAD-ACK` with the values event, word
(`TAKEN`, `REFUSED`, `KEPT`: unreadable, what it said before holds), and why.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from attrs import frozen

from protocol.openadr.moments import written_moment
from protocol.units import Seconds, UnixTime

ACK = "X-BASELOAD-ACK"

MAX_ACKS = 50
"""Of one report: a page of events."""

REPORT_NAME = "baseload"


@frozen
class Ack:
    """What became of an event."""

    event_id: str
    word: str
    why: str = ""


@frozen
class Measured:
    """What a site did in a time.

    Attributes:
        demand_w: Mean power; None: not known.
        budget_w: The limit in force; None: not known.
    """

    start: UnixTime
    lasted_s: Seconds
    demand_w: float | None
    budget_w: float | None


def report_of(
    event_id: str, node: str, site: str, measured: Measured, acks: Sequence[Ack]
) -> bytes:
    """Return a report as JSON; powers are in kW."""
    payloads: list[dict[str, Any]] = [
        {"type": kind, "values": [round(watts / 1000.0, 3)]}
        for kind, watts in (
            ("DEMAND", measured.demand_w),
            ("SETPOINT", measured.budget_w),
        )
        if watts is not None
    ]
    payloads += [
        {"type": ACK, "values": [ack.event_id, ack.word, ack.why]}
        for ack in acks[:MAX_ACKS]
    ]
    period = {
        "start": written_moment(measured.start),
        "duration": f"PT{max(1, round(measured.lasted_s))}S",
    }
    body = {
        "objectType": "REPORT",
        "eventID": event_id,
        "clientName": node,
        "reportName": REPORT_NAME,
        "payloadDescriptors": [
            _descriptor("DEMAND", "MEAN", "KW"),
            _descriptor("SETPOINT", "DIRECT_READ", "KW"),
            _descriptor(ACK, None, None),
        ],
        "resources": [
            {
                "resourceName": site,
                "intervalPeriod": period,
                "intervals": [{"id": 0, "payloads": payloads}],
            }
        ],
    }
    return msgspec.json.encode(body)


def _descriptor(kind: str, reading: str | None, units: str | None) -> dict[str, str]:
    found = {"objectType": "REPORT_PAYLOAD_DESCRIPTOR", "payloadType": kind}
    if reading is not None:
        found["readingType"] = reading
    if units is not None:
        found["units"] = units
    return found
