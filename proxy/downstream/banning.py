"""Shut a network out of a site, and let it in again."""

from twisted.logger import Logger

from protocol.units import Seconds
from proxy.downstream.bans import Ban, Network, spelled, those_in
from proxy.downstream.connection import SiteFactory
from proxy.downstream.miner import Miner

_log = Logger()


def ban(factory: SiteFactory, network: Network, for_s: Seconds, why: str) -> None:
    """Refuse a network for a time, and hang up on who is connected from there.

    Raises:
        BanError: The list is full.
    """
    now = factory.context.now()
    factory.roster.bans.add(Ban(network, Seconds(now + for_s), why), now)
    _log.info(
        "{site}: {network} is banned for {for_s:g} s: {why}",
        site=factory.context.site,
        network=spelled(network),
        for_s=for_s,
        why=why,
    )
    factory.errands.run(
        factory.roster.miners.values(),
        lambda miner: _drop_from(network, miner),
        "dropping the banned",
    )
    addresses = those_in(network, factory.open_connections.addresses)
    for connection in factory.open_connections.at(addresses):
        with _log.failuresHandled("dropping the banned"):
            connection.hang_up("banned")


def _drop_from(network: Network, miner: Miner) -> None:
    if those_in(network, [miner.address]):
        miner.drop("banned")


def unban(factory: SiteFactory, network: Network) -> bool:
    """Take a network again; return whether it was banned."""
    was_banned = factory.roster.bans.lift(network)
    if was_banned:
        _log.info(
            "{site}: {network} is no longer banned",
            site=factory.context.site,
            network=spelled(network),
        )
    return was_banned
