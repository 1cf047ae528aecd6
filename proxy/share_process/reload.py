"""Take on another configuration while running: plan it, prepare it, then commit it.

Whatever can fail is done first: files are read, sources made, the controller asked,
ports bound. If any of it fails, nothing was changed. What follows cannot fail, and
miners stay connected through it.
"""

from collections.abc import Callable, Sequence

from attrs import define, field
from twisted.internet.defer import maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.logger import Logger

from proxy.admin.refused import Refused
from proxy.config import Config
from proxy.downstream.sv2_keys import KeyFileError, ServerKeys
from proxy.runtime.tls import Identity
from proxy.share_process.changes import Change, changes
from proxy.share_process.site_ports import UNUSABLE, Key, SitePort
from proxy.share_process.sites import SiteBuilder
from proxy.share_process.sources import SourceChange, tell_sizes
from proxy.share_process.sources_service import SourcesService
from proxy.supervisor.power_side import PowerSide
from proxy.supervisor.questions import AskRefusedError
from proxy.upstream.address import PoolUrlError

SitePortsByName = dict[str, dict[Key, SitePort]]


@define(eq=False, repr=False)
class Prepared:
    """What a reload has made, and only has to put in place."""

    sources: SourceChange
    identities: list[tuple[Identity, Identity]] = field(factory=list)
    keys: dict[str, ServerKeys] = field(factory=dict)
    ports: SitePortsByName = field(factory=dict)


@define(eq=False, repr=False)
class Reloader:
    """Takes on other configurations, one at a time.

    Attributes:
        sites: Opened them.
        sources: Runs pools and nodes.
        power: The controller's side.
        set_level: Changes the level of the log.
        in_force: Told which configuration is, as soon as one is.
    """

    _log = Logger()

    sites: SiteBuilder
    sources: SourcesService
    power: PowerSide
    set_level: Callable[[str], None]
    in_force: Callable[[Config], None]
    _is_busy: bool = field(default=False, init=False)

    async def apply(
        self, old: Config, new: Config, *, dry_run: bool
    ) -> Sequence[Change]:
        """Have `new` in force instead of `old`; return what that changed.

        Args:
            old: In force.
            new: Wanted.
            dry_run: Change nothing, only look whether it can be done: new ports are
                opened and closed.

        Raises:
            Refused: It needs a restart, or cannot be done; nothing was changed.
        """
        if self._is_busy:
            raise Refused("another reload is under way")
        self._is_busy = True
        try:
            return await self._apply(old, new, dry_run=dry_run)
        finally:
            self._is_busy = False

    async def _apply(
        self, old: Config, new: Config, *, dry_run: bool
    ) -> Sequence[Change]:
        plan = changes(old, new)
        restarts = [change.key for change in plan if change.kind == "restart"]
        if restarts and not dry_run:
            keys = ", ".join(dict.fromkeys(restarts))
            raise Refused(f"{keys} changed: that takes a restart; nothing was reloaded")
        if restarts:
            return plan
        prepared = self._prepared(new)
        self._refuse_unservable(new)
        await self._ask_controller(new)
        prepared.keys = self._keys(new, dry_run=dry_run)
        await self._open_ports(new, prepared)
        plan += _certificates(prepared)
        if dry_run:
            await _close(prepared)
            return plan
        self._commit(old, new, prepared)
        await self.power.take_on(new)
        return plan

    def _prepared(self, new: Config) -> Prepared:
        try:
            prepared = Prepared(self.sources.sources.changed(new))
            for site in new.sites:
                ports = self.sites.services[site.name].ports
                prepared.identities += ports.identities(site)
        except PoolUrlError as error:
            raise Refused(f"{error}; nothing was reloaded") from error
        except UNUSABLE as error:
            raise Refused(f"a certificate: {error}; nothing was reloaded") from error
        return prepared

    def _refuse_unservable(self, new: Config) -> None:
        """Refuse V2 on a port of an engine that has no libcrypto to speak it."""
        for site in new.sites:
            for text in self.sites.services[site.name].ports.unservable(site):
                why = "no libcrypto.so.3, so Stratum V2 there takes a restart"
                raise Refused(f"{text}: {why}; nothing was reloaded")

    def _keys(self, new: Config, *, dry_run: bool) -> dict[str, ServerKeys]:
        """Return keys for sites that come to need some; look at them in a dry run."""
        wanted = self.sites.without_keys(new.sites)
        try:
            if dry_run and wanted:
                self.sites.check_keys()
            return {} if dry_run else {name: self.sites.keys() for name in wanted}
        except KeyFileError as error:
            raise Refused(f"{error}; nothing was reloaded") from error

    async def _ask_controller(self, new: Config) -> None:
        try:
            await self.power.check(new)
        except AskRefusedError as error:
            raise Refused(f"{error}; nothing was reloaded") from error

    async def _open_ports(self, new: Config, prepared: Prepared) -> None:
        """Bind every new port; if one cannot be had, close those that were."""
        try:
            for site in new.sites:
                asked = self.sites.services[site.name].ports.ask_for(site)
                prepared.ports[site.name] = asked
                for port in asked.values():
                    await port.listener.ready()
        except (CannotListenError, *UNUSABLE) as error:
            await _close(prepared)
            raise Refused(f"{error}; nothing was reloaded") from error

    def _commit(self, old: Config, new: Config, prepared: Prepared) -> None:
        if old.proxy.log_level != new.proxy.log_level:
            self.set_level(new.proxy.log_level)
        recorder, clock = self.sites.recorder, self.sites.reactor
        for source in self.sources.take_on(prepared.sources):
            source.settle = recorder.settled
        pools = prepared.sources.pools.values()
        tell_sizes(pools, new, recorder.totals, clock)
        for name, keys in prepared.keys.items():
            self.sites.services[name].factory.keys = keys
        for before, after in zip(old.sites, new.sites, strict=True):
            self.sites.take_on(before, after, prepared.ports[after.name])
        for shown, fresh in prepared.identities:
            shown.take_on(fresh)
        self.in_force(new)


async def _close(prepared: Prepared) -> None:
    """Close the ports that were asked for."""
    for asked in prepared.ports.values():
        for port in asked.values():
            await maybeDeferred(port.listener.disownServiceParent)


def _certificates(prepared: Prepared) -> list[Change]:
    return [
        Change(f"certificate {fresh.fingerprint[:23]}", "live", "read again")
        for _, fresh in prepared.identities
    ]
