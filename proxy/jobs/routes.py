"""Which workers of a site mine on which sources."""

from collections.abc import Collection, Iterator, Sequence
from fnmatch import fnmatchcase

from attrs import define, frozen

from protocol.units import WorkerName
from proxy.jobs.feed import Source

Place = tuple[int, str]
"""Number of the route, and the worker where its sources want one each; else empty."""


@frozen
class Route:
    """Workers that mine on sources of their own.

    Attributes:
        pattern: Glob on the worker name.
        sources: Best first.
    """

    pattern: str
    sources: tuple[Source, ...]

    def takes_identity(self) -> bool:
        """Each of its workers is a miner of its own to a source."""
        return any(source.takes_identity() for source in self.sources)

    def takes(self, worker: WorkerName) -> bool:
        """Tell whether `worker` mines here, unless an earlier route takes it."""
        # Case counts in worker names: fnmatch would fold it on some systems.
        return self.pattern == "*" or fnmatchcase(worker, self.pattern)


@define(eq=False, repr=False)
class Routes:
    """The routes of a site, in order; the last one takes every worker."""

    _routes: Sequence[Route]

    def __iter__(self) -> Iterator[Route]:
        return iter(self._routes)

    def change(self, routes: Sequence[Route]) -> dict[int, int]:
        """Hold `routes` from now on; return the new index of each that is still there.

        The last one stays the last; another one is known by its pattern.
        """
        places = {self.own: len(routes) - 1}
        # Reversed, so that the first of two with one pattern is the one that is found.
        free = dict(reversed([(r.pattern, i) for i, r in enumerate(routes[:-1])]))
        for index, route in enumerate(self._routes[:-1]):
            if route.pattern in free:
                places[index] = free.pop(route.pattern)
        self._routes = routes
        return places

    @property
    def own(self) -> int:
        """Index of the site's own route: of workers that no other one takes."""
        return len(self._routes) - 1

    def __getitem__(self, index: int) -> Route:
        return self._routes[index]

    @property
    def sources(self) -> tuple[Source, ...]:
        """Every source of the site, once."""
        each = {s.name: s for route in self._routes for s in route.sources}
        return tuple(each.values())

    def place_of(self, worker: WorkerName) -> Place:
        """Return what decides where the jobs of `worker` come from."""
        index = next(i for i, r in enumerate(self._routes) if r.takes(worker))
        return index, worker if self._routes[index].takes_identity() else ""

    def sources_of(self, worker: WorkerName | None) -> tuple[Source, ...]:
        """Return where the jobs of `worker` come from; None: of anybody."""
        if worker is None:
            return self.sources
        return self._routes[self.place_of(worker)[0]].sources

    def shared(self) -> list[int]:
        """Return the numbers of those whose workers share connections."""
        return [i for i, r in enumerate(self._routes) if not r.takes_identity()]

    def using(self, names: Collection[str]) -> list[int]:
        """Return the numbers of those that any of these sources is of."""
        return [
            index
            for index, route in enumerate(self._routes)
            if any(source.name in names for source in route.sources)
        ]
