"""Addresses and networks that are refused: the methods `ban`, `unban` and `bans`."""

from collections.abc import Callable, Mapping
from typing import Annotated

from msgspec import Meta

from protocol.units import Seconds
from proxy.admin.refused import Refused
from proxy.admin.views import BanView, Done
from proxy.downstream.banning import ban, unban
from proxy.downstream.bans import BanError, network_of, spelled
from proxy.downstream.connection import SiteFactory

Duration = Annotated[float, Meta(gt=0, le=1e9)]


class BanOperations:
    """What an operator refuses, at every site."""

    def __init__(
        self,
        factories: Callable[[], Mapping[str, SiteFactory]],
        now: Callable[[], Seconds],
    ) -> None:
        self._halls = factories
        self._now = now

    def ban(self, address: str, for_s: Duration = 3600.0) -> Done:
        """Refuse an address or a network for a time, and drop who is there from it."""
        try:
            network = network_of(address)
            for factory in self._halls().values():
                ban(factory, network, Seconds(for_s), "by an operator")
        except BanError as error:
            raise Refused(str(error)) from error
        return Done(True, f"{spelled(network)} is banned for {for_s:g} s")

    def unban(self, address: str) -> Done:
        """Take an address or a network again."""
        try:
            network = network_of(address)
        except BanError as error:
            raise Refused(str(error)) from error
        were_banned = [unban(factory, network) for factory in self._halls().values()]
        if any(were_banned):
            return Done(True, f"{spelled(network)} may connect")
        text = f"{spelled(network)} is not banned"
        for factory in self._halls().values():
            wider = factory.roster.bans.find(str(network.network_address), self._now())
            if wider is not None:
                text += f", but {spelled(wider.network)} is: see `baseload bans`"
                break
        raise Refused(text)

    def bans(self) -> list[BanView]:
        """Return who is refused, where, for how long and why."""
        now = self._now()
        return [
            BanView(spelled(one.network), name, one.until - now, one.why)
            for name, factory in self._halls().items()
            for one in factory.roster.bans
            if one.until > now
        ]
