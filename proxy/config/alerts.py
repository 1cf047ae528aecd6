"""`[[alerts]]`: who is told when something is wrong."""

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from proxy.config.fields import Name, Section
from proxy.config.power import HttpUrl
from proxy.config.secret import Secret

MAX_ALERTS = 32
"""Rows: each is looked at every second."""

Mailbox = Annotated[
    str,
    Meta(
        pattern=r"^[!-?A-~]+@[!-?A-~]+$",
        max_length=254,
        description="an address as user@host, in ASCII",
    ),
]
"""An address of RFC 5321, without a name or brackets."""


class AlertConfig(Section, frozen=True, kw_only=True):
    """`[[alerts]]`: who is told when something is wrong.

    Attributes:
        kind: How it is spoken to; `heartbeat`: `url` is fetched while all is well.
        name: What it is called in the log and in `alarms`.
        min_severity: What is less is not told.
        sites: Whose alarms; those of the whole process are for everybody [all].
        repeat_s: After how long an alarm that stands is told again; Alertmanager hears
            of it each minute, and repeats as it is set up to.
        url: Of `alertmanager`: where it is, without `/api/v2/alerts`; of `webhook`,
            `ntfy` (with its topic) and `heartbeat`.
        token: Shown there as a bearer.
        every_s: Of `heartbeat`.
        host: Of `smtp`: the mail server.
        port: Of `smtp`.
        from_: Of `smtp`: the address it is sent from.
        to: Of `smtp`: those it is sent to.
        username: Of `smtp`; None: without a login.
        password: Of `smtp`.
        starttls: Of `smtp`: without TLS nothing is sent.
    """

    kind: Literal["alertmanager", "webhook", "ntfy", "smtp", "heartbeat"]
    name: Name
    min_severity: Literal["info", "warning", "critical"] = "warning"
    sites: tuple[Name, ...] = ()
    repeat_s: Annotated[float, Meta(ge=60)] = 14400.0
    url: HttpUrl | None = None
    token: Secret | None = None
    every_s: Annotated[float, Meta(ge=10)] = 60.0
    host: Annotated[str, Meta(min_length=1, max_length=253)] | None = None
    port: Annotated[int, Meta(ge=1, le=65535)] = 587
    from_: Mailbox | None = msgspec.field(name="from", default=None)
    to: Annotated[tuple[Mailbox, ...], Meta(max_length=50)] = ()
    username: Secret | None = None
    password: Secret | None = None
    starttls: bool = True

    @property
    def secrets(self) -> list[Secret]:
        """What no log may show."""
        return [s for s in (self.token, self.username, self.password) if s is not None]


_NEEDED = {"smtp": ("host", "from_", "to")}
_TAKEN = {
    "smtp": ("host", "port", "from_", "to", "username", "password", "starttls"),
    "heartbeat": ("url", "token", "every_s"),
}
_OF_KINDS = ("url", "token", "every_s", *_TAKEN["smtp"])
_DEFAULTS = {f.name: f.default for f in msgspec.structs.fields(AlertConfig)}


def alert_faults(alert: AlertConfig, sites: set[str], key: str) -> Iterator[str]:
    """Yield a sentence for each thing wrong with a row, which ends in the key.

    Args:
        alert: The row.
        sites: Names of those that there are.
        key: Where in the file.
    """
    needed = _NEEDED.get(alert.kind, ("url",))
    taken = _TAKEN.get(alert.kind, ("url", "token"))
    for name in needed:
        if not getattr(alert, name):
            said = name.rstrip("_")
            yield f"An alert of kind {alert.kind!r} needs {said} - at `{key}.{said}`"
    for name in _OF_KINDS:
        if name not in taken and getattr(alert, name) != _DEFAULTS[name]:
            said = name.rstrip("_")
            yield f"Not of an alert of kind {alert.kind!r} - at `{key}.{said}`"
    if (alert.username is None) != (alert.password is None):
        yield f"username and password belong together - at `{key}.username`"
    if alert.username is not None and not alert.starttls:
        yield f"A password is not sent without TLS - at `{key}.starttls`"
    for name in alert.sites:
        if name not in sites:
            yield f"No site is called {name!r} - at `{key}.sites`"
