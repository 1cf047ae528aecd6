"""`/healthz` and `/readyz`: for those who start, stop and balance processes."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from attrs import define, field

from proxy.admin.operations import Operations
from proxy.admin.running import Running
from proxy.web.answers import JSON, Answer
from proxy.web.asked import Asked
from proxy.web.routes import Routes

LATE = 2.0
"""Seconds between two turns of the reactor, from where on it is not healthy."""

NOT_AVAILABLE = 503


@define(eq=False, repr=False)
class Health:
    """Whether the process lives, and whether it can do its work.

    Attributes:
        seconds: The clock.
    """

    running: Running
    operations: Operations
    seconds: Callable[[], float]
    _turned_at: float = field(init=False)
    _lateness: float = field(default=0.0, init=False)

    def __attrs_post_init__(self) -> None:
        self._turned_at = self.seconds()

    @property
    def lateness(self) -> float:
        """By how much the last second was too long."""
        return self._lateness

    def turned(self) -> None:
        """Take note of a turn: call each second."""
        now = self.seconds()
        self._lateness = max(0.0, now - self._turned_at - 1.0)
        self._turned_at = now

    def add_to(self, routes: Routes) -> None:
        """Answer both paths."""
        routes.add("GET", "/healthz", self.alive)
        routes.add("GET", "/readyz", self.ready)

    def alive(self, _: Asked) -> Answer:
        """Return 200 while the reactor turns in time."""
        late = max(self._lateness, self.seconds() - self._turned_at - 1.0)
        reasons = (
            [f"a turn of the reactor was {late:.1f} s late"] if late > LATE else []
        )
        return _answer(reasons)

    def ready(self, _: Asked) -> Answer:
        """Return 200 when every site has work and the ledger is kept; else why not."""
        return _answer([*self._reasons()])

    def _reasons(self) -> Iterator[str]:
        status = self.operations.status()
        if status.ledger != "ok":
            yield f"the ledger is {status.ledger}: {status.ledger_reason}"
        if status.state == "starting":
            yield f"it starts: waits for {', '.join(status.waits_for) or 'its sites'}"
        for site in status.sites:
            if site.source is None:
                yield f"{site.name}: no source has work"
            if site.draining:
                yield f"{site.name}: it is being drained"


def _answer(reasons: list[str]) -> Answer:
    body: dict[str, Any] = {"ok": not reasons, "reasons": reasons}
    status = NOT_AVAILABLE if reasons else 200
    return Answer(
        msgspec.json.encode(body), JSON, status, {"cache-control": "no-store"}
    )
