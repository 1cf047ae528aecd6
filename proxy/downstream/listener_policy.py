"""A listener of a site: what those speak who come to it, and who may come."""

from typing import Any

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from typing_extensions import override

from protocol.dialect import Dialect
from protocol.hosts import unmapped
from proxy.config import ListenerConfig
from proxy.downstream.access_list import AccessList
from proxy.downstream.behind_balancer import BalancedConnection, BehindBalancer
from proxy.downstream.certificate_names import Names, names_of
from proxy.downstream.connection import SiteFactory
from proxy.downstream.miner_protocol import MinerProtocol
from proxy.downstream.site_context import SiteContext


class ListenerPolicy(Factory):
    """Takes the connections of a listener.

    Attributes:
        factory: The site's.
        context: The site's, but for the difficulty.
        listener: What the configuration says of it.
        is_balanced: Balancers come to it, and tell who is behind them.
    """

    _log = Logger()
    noisy = False

    def __init__(
        self, factory: SiteFactory, context: SiteContext, listener: ListenerConfig
    ) -> None:
        self.context = context
        self.factory = factory
        self.take_on(listener)

    def take_on(self, listener: ListenerConfig) -> None:
        """Do as `listener` says from now on; who is here stays."""
        self.listener = listener
        self.is_balanced = listener.proxy_protocol == "required"
        self._miners = AccessList.of(listener.allow, listener.deny)
        self._balancers = AccessList.of(listener.trusted, ())

    @property
    def may_speak(self) -> str:
        """What those may speak who come in here, where the site has keys."""
        return self.listener.protocol

    @property
    def speaks(self) -> str:
        """What those speak who come in here: `sv1`, `sv2`, or `auto`."""
        return Dialect.SV1 if self.factory.keys is None else self.listener.protocol

    def takes(self, address: str) -> bool:
        """Tell whether a connection from `address` is taken; log if not.

        Where balancers come, it is one of them.
        """
        if not self.is_balanced:
            return self.lets_in(address)
        refusal = self._balancers.refusal(address)
        if refusal:
            self._tell(address, "it is no trusted balancer")
        return not refusal

    def lets_in(self, address: str) -> bool:
        """Tell whether a miner may come from `address`; log if not."""
        refusal = self._miners.refusal(address)
        if refusal:
            self._tell(address, refusal)
        return not refusal

    def names(self, transport: Any) -> Names | None:
        """Return the names that bind the workers of a connection; None: none do."""
        is_bound = self.listener.tls_identity == "must-prefix"
        return names_of(transport) if is_bound else None

    @override
    def buildProtocol(self, addr: IAddress | None) -> MinerProtocol | None:
        address = unmapped(str(getattr(addr, "host", "local")))
        if not self.takes(address) or not self.factory.has_room():
            return None
        if not self.is_balanced:
            protocol = self.factory.enter(self.context, self.speaks)
            protocol.name_rule = self.names
            return protocol
        return BalancedConnection(self.factory, self._enter, self.context.clock)

    def _enter(self, transport: Any, address: str, rest: bytes) -> MinerProtocol | None:
        """Take in who is behind a balancer, and what it has said already."""
        if not self.lets_in(address):
            transport.abortConnection()
            return None
        protocol = self.factory.enter(self.context, self.speaks)
        protocol.makeConnection(BehindBalancer(transport, address))
        if rest:
            protocol.dataReceived(rest)
        return protocol

    def _tell(self, address: str, why: str) -> None:
        self._log.info(
            "{site}: no to {peer} at {endpoint}: {why}",
            site=self.context.site,
            peer=address,
            endpoint=self.listener.endpoint,
            why=why,
        )
