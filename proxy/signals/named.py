"""What signals that are told their name and their lease have alike."""

from typing import Protocol

from protocol.units import Seconds


class Told(Protocol):
    """What of a signal's settings every signal has."""

    @property
    def name(self) -> str:
        """Return what its orders come from."""

    @property
    def lease_s(self) -> Seconds | None:
        """Return how long it may be silent; None: it need not keep speaking."""


class NamedSignal:
    """A signal whose name and lease are in its settings."""

    __slots__ = ()

    _settings: Told

    @property
    def name(self) -> str:
        """See `SignalSource`."""
        return self._settings.name

    @property
    def lease_s(self) -> Seconds | None:
        """See `SignalSource`."""
        return self._settings.lease_s
