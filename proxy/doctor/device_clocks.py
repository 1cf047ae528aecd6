"""What time it is to machines: each answer of the cgminer API says it.

Firmware keeps its own log, its own schedule of sleep and the dates of its certificates
by that clock; what it hashes has the time of the pool's job.

Source: cgminer, API-README: every reply has STATUS, and `When` in it, Unix seconds.
Whatsminer's API has both beside each other.
"""

import socket
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import msgspec

from protocol.unreadable import UNREADABLE
from proxy.doctor.check import Finding, ok, side_by_side, skipped, warn
from proxy.doctor.probe import now

PORT = 4028
ASK = b'{"command":"version"}'
"""Every firmware answers it, if only that it does not know it, and nothing follows."""

ANSWER_WITHIN_S = 1.5
"""From the call to the last byte: one that drips has no longer."""

MAX_ANSWER_BYTES = 65_536
"""Of one answer; that to `version` has 300 B."""

MOST_APART_S = 60.0
"""A log is read to the minute; a clock that nobody keeps is months off."""

LATEST = 1 << 40
"""Unix seconds; beyond it is no time."""

NAMED = 5
"""Machines of a finding that are named."""

_HOUR, _DAY = 3600.0, 86_400.0


def device_clocks(
    name: str, addresses: Sequence[str], wall_clock: Callable[[], float]
) -> Iterator[Finding]:
    """Compare the clocks of machines with ours.

    Args:
        name: What the finding is listed under.
        addresses: The machines, a handful.
        wall_clock: Returns Unix seconds.
    """
    look = partial(seconds_apart, wall_clock=wall_clock, port=PORT)
    apart = side_by_side(look, addresses, 2 * ANSWER_WITHIN_S)
    told = {address: by for address, by in apart.items() if by is not None}
    wrong = {a: s for a, s in told.items() if abs(s) > MOST_APART_S}
    if not told:
        yield skipped(name, "no machine tells its time at port 4028")
        return
    seen = f"{len(told) - len(wrong)} of {len(told)} that tell their time are right"
    if not wrong:
        yield ok(name, f"{seen} within {MOST_APART_S:g} s")
        return
    worst = sorted(wrong, key=lambda a: -abs(wrong[a]))[:NAMED]
    which = ", ".join(f"{a} {_in_words(wrong[a])}" for a in worst)
    remedy = (
        "let them reach a time server (NTP), or name one in their firmware: their logs,"
        " schedules and certificates go by their own clock"
    )
    yield warn(name, f"{seen}; not {which}", remedy)


def seconds_apart(
    address: str, wall_clock: Callable[[], float], port: int
) -> float | None:
    """Return by how much a machine's clock is ahead; None: it does not tell.

    0 where it is within the time that the question took, and its whole second.
    """
    before = wall_clock()
    said = _when(_answer(address, port))
    after = wall_clock()
    if said is None:
        return None
    if said > after:
        return said - after
    return min(0.0, said + 1.0 - before)


def _answer(address: str, port: int) -> bytes:
    """Return what a machine answers; empty: nothing whole in time."""
    data, until = b"", now() + ANSWER_WITHIN_S
    try:
        with socket.create_connection((address, port), ANSWER_WITHIN_S) as line:
            line.sendall(ASK)
            while len(data) < MAX_ANSWER_BYTES and b"\0" not in data:
                if (left := until - now()) <= 0:
                    return b""
                line.settimeout(left)
                part = line.recv(4096)
                if not part:
                    break
                data += part
    except (OSError, UnicodeError):
        return b""
    return data.partition(b"\0")[0]


def _when(answer: bytes) -> float | None:
    try:
        said = msgspec.json.decode(answer)
    except UNREADABLE:
        return None
    inner = said.get("STATUS") if isinstance(said, dict) else None
    return _time_in(said) or _time_in(inner)


def _time_in(said: object) -> float | None:
    """Return `When` of a table, or of the first of a list of them."""
    table = said[0] if isinstance(said, list) and said else said
    when = table.get("When") if isinstance(table, dict) else None
    if isinstance(when, bool) or not isinstance(when, int | float):
        return None
    return float(when) if 0 < when < LATEST else None


def _in_words(apart: float) -> str:
    way, size = "ahead" if apart > 0 else "behind", abs(apart)
    if size >= _DAY:
        return f"{size / _DAY:,.0f} days {way}"
    return f"{size / _HOUR:.1f} h {way}" if size >= _HOUR else f"{size:.0f} s {way}"
