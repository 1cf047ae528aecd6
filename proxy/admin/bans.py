"""Addresses and networks that are refused: the methods `ban`, `unban` and `bans`."""

from collections.abc import Awaitable, Callable, Mapping
from itertools import islice
from typing import Annotated

from msgspec import Meta

from protocol.units import Seconds
from proxy.admin.refused import Refused
from proxy.admin.views import BanView, Done
from proxy.downstream.banning import ban, unban
from proxy.downstream.bans import BanError, Network, network_of, spelled
from proxy.downstream.connection import SiteFactory

SHOWN_AT_ONCE = 500
"""Bans in one turn of the reactor, 1 ms; a site has 65,536 at most."""

Duration = Annotated[float, Meta(gt=0, le=1e9)]


class BanOperations:
    """What an operator refuses, at every site."""

    def __init__(
        self,
        factories: Callable[[], Mapping[str, SiteFactory]],
        now: Callable[[], Seconds],
        turn: Callable[[], Awaitable[object]],
    ) -> None:
        self._halls = factories
        self._now = now
        self._turn = turn

    def ban(self, address: str, for_s: Duration = 3600.0) -> Done:
        """Refuse an address or a network for a time, and drop who is there from it."""
        network = _network(address)
        refusals: list[str] = []
        for name, factory in self._halls().items():
            try:
                ban(factory, network, Seconds(for_s), "by an operator")
            except BanError as error:
                refusals.append(f"not at {name}: {error}")
        refusal = "; ".join(refusals)
        if len(refusals) == len(self._halls()):
            raise Refused(f"{spelled(network)} is banned {refusal}")
        text = f"{spelled(network)} is banned for {for_s:g} s"
        return Done(True, f"{text}, but {refusal}" if refusal else text)

    def unban(self, address: str) -> Done:
        """Take an address or a network again."""
        network = _network(address)
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

    async def bans(self) -> list[BanView]:
        """Return who is refused, where, for how long and why."""
        now = self._now()
        views: list[BanView] = []
        for name, factory in self._halls().items():
            left = iter(factory.roster.bans)
            while some := list(islice(left, SHOWN_AT_ONCE)):
                views += [
                    BanView(spelled(one.network), name, one.until - now, one.why)
                    for one in some
                    if one.until > now
                ]
                await self._turn()
        return views


def _network(address: str) -> Network:
    try:
        return network_of(address)
    except BanError as error:
        raise Refused(str(error)) from error
