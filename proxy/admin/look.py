"""What a screen knows of a proxy at one moment, and what has changed since the last."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from attrs import define, field, frozen

from protocol.units import UnixTime
from proxy.admin.client import AdminError
from proxy.admin.printable import printable

DETAILS_EVERY = 5
"""Looks between two questions to the site controller, which has its hands full."""

EVENTS = 60
"""That are kept: more than a terminal has rows for."""

LOGGED = 300
"""Newest rows of the controller's log that they are looked for in."""

QUIET = {
    *("cap", "command", "commands", "acknowledgement", "acknowledged"),
    *("read_back", "settled", "outcomes", "verdict", "mark", "machine", "admission"),
}
"""Kinds of its rows that are steps of its work: `power history` has them."""

Ask = Callable[[str, dict[str, Any]], Any]
"""Calls a method of the admin socket."""


@frozen
class Happening:
    """What happened, and when, at Unix time `at`."""

    at: float
    text: str


@frozen
class Look:
    """A proxy at one moment.

    Attributes:
        status: As the method `status` answers.
        machines: By site: how many are how, as `power.show` has it.
        events: The newest first.
    """

    status: Any
    machines: Mapping[str, Any] = field(factory=dict)
    events: tuple[Happening, ...] = ()


@define(eq=False, repr=False)
class Looker:
    """Keeps what cannot be read off one status alone.

    Attributes:
        wall_clock: Says when something was noticed.
    """

    wall_clock: Callable[[], UnixTime]
    _before: Any = field(default=None, init=False)
    _noticed: deque[Happening] = field(factory=lambda: deque(maxlen=EVENTS), init=False)
    _logged: list[Happening] = field(factory=list, init=False)
    _machines: dict[str, Any] = field(factory=dict, init=False)
    _looks: int = field(default=0, init=False)

    def is_due(self, status: Any) -> bool:
        """Tell whether the site controller should be asked, too."""
        is_due = self._looks % DETAILS_EVERY == 0
        self._looks += 1
        return is_due and any(s["budget_w"] is not None for s in status["sites"])

    def detail(self, shown: Any, page: Any) -> None:
        """Take what `power.show` and `power.history` answered."""
        self._machines = {site["site"]: site["machines"] for site in shown}
        self._logged = [
            Happening(event["at"], _logged(event))
            for event in printable(page)["events"]
            if event["kind"] not in QUIET
        ]

    def look(self, status: Any) -> Look:
        """Return all that is known, with `status` as the newest of it."""
        status = printable(status)
        if self._before is not None:
            now = self.wall_clock()
            self._noticed.extend(Happening(now, t) for t in news(self._before, status))
        self._before = status
        events = sorted((*self._noticed, *self._logged), key=lambda e: -e.at)
        return Look(status, self._machines, tuple(events[:EVENTS]))


def looks(ask: Ask, wall_clock: Callable[[], UnixTime]) -> Callable[[], Look]:
    """Return what looks at the proxy that `ask` reaches."""
    looker = Looker(wall_clock)

    def look() -> Look:
        status = ask("status", {})
        if looker.is_due(status):
            try:
                history = ask("power.history", {"limit": LOGGED})
                looker.detail(ask("power.show", {}), history)
            except AdminError:  # its controller is on its way back
                looker.detail([], {"events": []})
        return looker.look(status)

    return look


def news(before: Any, after: Any) -> Iterator[str]:
    """Yield what is different between two answers of `status`."""
    for key in ("state", "ledger"):
        if before[key] != after[key]:
            yield f"{key} {before[key]} -> {after[key]}"
    for found in range(before["blocks"]["found"], after["blocks"]["found"]):
        yield f"block {found + 1} found"
    for key, field_, what in (
        ("sites", "source", "source"),
        ("pools", "state", "pool"),
        ("nodes", "state", "node"),
    ):
        known = {one["name"]: one for one in before[key]}
        for one in after[key]:
            was = known.get(one["name"], {}).get(field_) or "none"
            now = one[field_] or "none"
            why = f": {one['reason']}" if one.get("reason") else ""
            if was != now:
                yield f"{what} {one['name']} {was} -> {now}{why}"


def _logged(event: Any) -> str:
    machine = event["body"].get("machine")
    who = f" {machine}" if machine else ""
    return f"{event['site']}{who} {event['kind']}: {event['cause']}"
