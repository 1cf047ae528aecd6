"""Who listens to one of a signal's brokers, and what was said there last."""

from typing import Protocol

from attrs import define, field, frozen

from protocol.units import Seconds, UnixTime, Watts
from proxy.signals.freshness import Freshness
from proxy.signals.mqtt_ports import Line


@frozen
class Word:
    """The last fresh word that came over one broker."""

    watts: Watts
    heard_at: Seconds
    expires: UnixTime | None


class Hearer(Protocol):
    """The signal, as its brokers' ears know it."""

    def greet(self, line: Line) -> None:
        """Say what a broker that is connected anew keeps for those who come later."""

    def heard(
        self, ear: "BrokerEar", topic: str, payload: bytes, *, is_retained: bool
    ) -> None:
        """Take in a message of one broker."""


@define(eq=False, repr=False)
class BrokerEar:
    """Listens to one broker, and judges the age of what it hands over."""

    signal: Hearer
    line: Line
    freshness: Freshness
    last: Word | None = field(default=None, init=False)

    def came(self) -> None:
        """See `Ear`."""
        self.signal.greet(self.line)

    def heard(self, topic: str, payload: bytes, *, is_retained: bool) -> None:
        """See `Ear`."""
        self.signal.heard(self, topic, payload, is_retained=is_retained)

    def said(self, now: Seconds, at: UnixTime, lease_s: Seconds) -> Watts | None:
        """Return what its last word says, None: it counts no more beside others."""
        last = self.last
        if last is None or now - last.heard_at >= lease_s:
            return None
        has_ended = last.expires is not None and at >= last.expires
        return None if has_ended else last.watts
