"""The recording of a connection that the share engine holds."""

from proxy.engine.engine import Wire
from proxy.runtime.tap import Piece


class EngineTap:
    """Fetches what the engine recorded; it keeps a lost connection until then."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    @classmethod
    def begin(cls, wire: Wire) -> "EngineTap | None":
        """Return the recording; None: there is one already, or the wire is gone."""
        return cls(wire) if wire.tap() else None

    def fetch(self, most: int, /) -> list[Piece]:
        """Return what was recorded since: see `Tap`."""
        return [Piece(*one) for one in self._wire.tapped(most)]

    def close(self) -> None:
        """Record no more."""
        self._wire.untap()
