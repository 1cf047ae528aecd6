"""What the methods of the admin socket change, as it is at a moment."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from attrs import define, field

from protocol.units import Seconds
from proxy.admin.power import power_of
from proxy.admin.running import Running
from proxy.downstream.bans import BanError, network_of
from proxy.downstream.connection import SiteFactory

Params = Mapping[str, Any]

MAX_NAMED = 16
"""Holds in the record of an action: 4,096 characters at the most. 256 may be in
force."""


@define(eq=False, repr=False)
class States:
    """Looks at the parts of a running share process."""

    running: Running
    _looks: dict[str, Callable[[Params], Any]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._looks = {
            "drain": self._drained,
            "undrain": self._drained,
            "ban": self._bans,
            "unban": self._bans,
            "log.level": lambda _: self.running.log_level,
            "pool.prefer": self._source,
            "pool.disable": self._source,
            "pool.enable": self._source,
            "park": self._holds,
            "unpark": self._holds,
            "power.set": self._budget,
            "power.clear": self._budget,
            "power.forget": self._budget,
        }

    def of(self, method: str, params: Params) -> Any:
        """Return what a call of `method` is about, as JSON; None: nothing to show."""
        look = self._looks.get(method)
        return None if look is None else look(params)

    def _drained(self, params: Params) -> dict[str, str]:
        return {
            name: "drained" if factory.roster.is_draining else "open"
            for name, factory in self._sites(params.get("site"))
        }

    def _holds(self, params: Params) -> list[str]:
        """Return the holds that a name speaks of: its own, and those it is a glob of.

        Of many the first, and how many more there are.
        """
        held = self.running.by_hand.named(params["machines"])
        more = len(held) - MAX_NAMED
        return [*held[:MAX_NAMED], *([f"and {more} more"] if more > 0 else [])]

    def _sites(self, site: str | None) -> Iterator[tuple[str, SiteFactory]]:
        for name, factory in self.running.factories.items():
            if site in {None, name}:
                yield name, factory

    def _bans(self, params: Params) -> dict[str, float]:
        """Return by site for how many seconds more an address or network is banned."""
        try:
            network = network_of(params["address"])
        except BanError:
            return {}
        now = Seconds(self.running.recorder.clock.seconds())
        return {
            name: round(one.until - now)
            for name, factory in self.running.factories.items()
            if (one := factory.roster.bans.of(network)) and one.until > now
        }

    def _source(self, params: Params) -> dict[str, Any]:
        """Return what is held of a source, and what the sites mine on."""
        held = self.running.by_hand.of_source(params["name"])
        mines_on = {
            name: factory.context.board.source_name
            for name, factory in self.running.factories.items()
        }
        return {"by_hand": held and held.how, "mines_on": mines_on}

    def _budget(self, params: Params) -> dict[str, Any]:
        found = power_of(self.running.power, params["site"])
        return {key: found[key] for key in ("budget_w", "ruled_by")}
