"""Pools and nodes preferred or disabled by hand: the methods `pool.*`."""

from collections.abc import Iterator
from typing import Annotated

from attrs import frozen
from msgspec import Meta
from twisted.logger import Logger

from protocol.units import Seconds
from proxy.admin.kept import How
from proxy.admin.refused import Refused
from proxy.admin.running import Running
from proxy.admin.views import Done
from proxy.node.template_feed import NodeState

Name = Annotated[str, Meta(max_length=64)]
Duration = Annotated[float, Meta(gt=0, le=1e9)]


@frozen
class PoolOperations:
    """What an operator orders of sources; a node is one, too."""

    running: Running

    def prefer(self, name: Name, for_s: Duration | None = None) -> Done:
        """Mine on a source before all others, wherever it is one of them."""
        self._find(name)
        return self._hold(name, "preferred", for_s)

    def disable(
        self,
        name: Name,
        for_s: Duration | None = None,
        yes: bool = False,  # noqa: FBT001, FBT002  (a parameter on the wire)
    ) -> Done:
        """Use a source no more, for a time or until it is enabled."""
        self._find(name)
        routes = ", ".join(self._left_without(name))
        if routes and not yes:
            raise Refused(
                f"without {name} miners of {routes} would have no work: no other source"
                " of theirs can be used now; --yes disables it all the same"
            )
        if routes:
            Logger("proxy.alarm").error(
                "{name} is disabled by hand: {routes} may have no work",
                name=name,
                routes=routes,
            )
        return self._hold(name, "disabled", for_s)

    def enable(self, name: Name) -> Done:
        """Use a source as the configuration says."""
        held = self.running.by_hand.of_source(name)
        if held is None:
            self._find(name)
            raise Refused(f"{name} is neither preferred nor disabled")
        why = self.running.by_hand.release_source(name)
        return self._done(f"{name} is {held.how} no more", name, why)

    def _hold(self, name: str, how: How, for_s: float | None) -> Done:
        time = None if for_s is None else Seconds(for_s)
        why = self.running.by_hand.hold_source(name, how, time)
        until = "until `pool enable`" if for_s is None else f"for {for_s:g} s"
        return self._done(f"{name} is {how} {until}", name, why)

    def _done(self, text: str, name: str, why: str) -> Done:
        now = [
            f"{site} mines on {factory.context.board.source_name or 'nothing'}"
            for site, factory in self.running.factories.items()
            if name in self._names_of(site)
        ]
        lost = [f"but a restart forgets it: {why}"] if why else []
        return Done(True, "; ".join([text, *now, *lost]))

    def _names_of(self, site: str) -> set[str]:
        sites = self.running.config.sites
        return {n for one in sites if one.name == site for n in one.source_names}

    def _find(self, name: str) -> None:
        """Look whether any site mines on a source.

        Raises:
            Refused: None does.
        """
        known = {n for site in self.running.config.sites for n in site.source_names}
        if name not in known:
            there_are = ", ".join(sorted(known))
            raise Refused(f"no site mines on {name!r}: there are {there_are}")

    def _left_without(self, name: str) -> Iterator[str]:
        """Yield the routes that have no other source whose work can be had now."""
        arranged = self.running.by_hand.arranged
        for site in self.running.config.sites:
            routes = {f"{site.name} ({r.workers})": r.sources for r in site.routes}
            for route, names in {**routes, site.name: site.sources}.items():
                used = arranged(names)
                others = (n for n in used if n != name)
                if name in used and not any(
                    self._is_usable(n, site.name) for n in others
                ):
                    yield route

    def _is_usable(self, name: str, site: str) -> bool:
        running = self.running
        pool = running.pools.get(name)
        source = pool or running.node_sources[name]
        factory = running.factories.get(site)
        if source.unusable or factory is None:
            return False
        if factory.context.board.slots.why_not_here(source):
            return False
        if pool is not None:
            return pool.work is not None
        return running.nodes[name].state is NodeState.UP and source.room is not None
