"""Ask a site's sources how much room they leave, before anybody hashes for them."""

from collections.abc import Iterable, Sequence

from attrs import define, field

from proxy.jobs.feed import Source


@define(eq=False, repr=False)
class RoomProbe:
    """Keeps each source of a site open until it is known how much room it leaves.

    A source with a connection for each worker is asked on one that is nobody's.
    """

    site: str
    _open: dict[str, Source] = field(factory=dict, init=False)

    def start(self, sources: Iterable[Source]) -> None:
        """Open those of `sources` that are not known yet."""
        for source in sources:
            if source.room is None and source.name not in self._open:
                self._open[source.name] = source
                # Counted like any other user: a group that opens the same connection
                # shares it.
                source.open(self.site, "", 0)

    def change(self, sources: Sequence[Source]) -> None:
        """Ask `sources` from now on, and no others."""
        self._close([s for s in self._open.values() if s not in sources])
        self.start(sources)

    def close_known(self) -> None:
        """Close those that are known: groups hold open what they need."""
        self._close([s for s in self._open.values() if s.room is not None])

    def stop(self) -> None:
        """Close all."""
        self._close(self._open.values())

    def _close(self, sources: Iterable[Source]) -> None:
        for source in list(sources):
            del self._open[source.name]
            source.close(self.site, "", 0)
