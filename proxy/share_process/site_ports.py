"""The ports of a site: those that it has, and those of another configuration."""

from collections import Counter
from collections.abc import Mapping

from attrs import define, field, frozen
from OpenSSL import SSL, crypto
from twisted.application.service import MultiService
from twisted.internet.interfaces import IStreamServerEndpoint

from protocol.units import Difficulty
from protocol.work.vardiff import VardiffPolicy
from proxy.config import DifficultyConfig, ListenerConfig, SiteConfig
from proxy.downstream.connection import SiteFactory
from proxy.downstream.fast.choice import PythonEngine, SiteEngine, is_plain
from proxy.downstream.listener import MinerListener
from proxy.downstream.listener_policy import ListenerPolicy
from proxy.downstream.site_context import Bounds
from proxy.runtime.host_endpoint import Reactor
from proxy.runtime.tls import Identity, identity_of, server_endpoint

BACKLOG = 4096
"""Connections that the kernel holds for us until we take them."""

Key = tuple[str, int]
"""An endpoint string, and which of those that are alike (as of `tcp:0`)."""

UNUSABLE = (ValueError, TypeError, LookupError, OSError, SSL.Error, crypto.Error)
"""What Twisted says to an endpoint that is none, or whose files cannot be used."""


@frozen(eq=False)
class SitePort:
    """An endpoint that miners come to.

    Attributes:
        server: As it is listened on.
        policy: Who takes its connections.
        listener: Listens while it runs.
    """

    server: IStreamServerEndpoint
    policy: ListenerPolicy
    listener: MinerListener

    @property
    def identity(self) -> Identity | None:
        """The certificate that it shows; None: it speaks no TLS."""
        return identity_of(self.server)


@define(eq=False, repr=False)
class SitePorts:
    """The ports of one site.

    Attributes:
        factory: The site's.
        engine: Takes the connections of plain TCP.
        root: Whose children the listeners are.
        open: Those that miners can come to, by endpoint.
    """

    factory: SiteFactory
    engine: SiteEngine
    root: MultiService
    reactor: Reactor
    open: dict[Key, SitePort] = field(factory=dict, init=False)

    @property
    def listeners(self) -> list[MinerListener]:
        """What listens."""
        return [port.listener for port in self.open.values()]

    def ask_for(self, site: SiteConfig) -> dict[Key, SitePort]:
        """Return the ports that `site` has and we have not, asked for: await `ready`.

        Raises:
            ValueError, TypeError, LookupError, OSError, OpenSSL.SSL.Error: An endpoint
                is none, or its files cannot be used.
        """
        wanted = listeners_of(site)
        servers = {
            key: server_endpoint(self.reactor, _deep(key[0]), one.client_ca)
            for key, one in wanted.items()
            if key not in self.open
        }
        found = {}
        for key, server in servers.items():
            policy = self._policy(wanted[key], site)
            # wrapped bytes stay with Twisted
            taker = self.engine if is_plain(key[0]) else PythonEngine()
            listener = taker.listener(server, policy)
            listener.setServiceParent(self.root)
            found[key] = SitePort(server, policy, listener)
        return found

    def identities(self, site: SiteConfig) -> list[tuple[Identity, Identity]]:
        """Return the certificates that are others now, and read again.

        They are of our ports that `site` has, too.

        Raises:
            As of `ask_for`.
        """
        found = []
        wanted = listeners_of(site)
        for key, port in self._kept(site):
            if port.identity is None:
                continue
            asked = wanted[key].client_ca
            fresh = identity_of(server_endpoint(self.reactor, key[0], asked))
            if fresh and not fresh.is_like(port.identity):
                found.append((port.identity, fresh))
        return found

    def unservable(self, site: SiteConfig) -> list[str]:
        """Return our ports, as open now, that cannot speak what `site` wants."""
        wanted = listeners_of(site)
        return [
            key[0]
            for key, port in self._kept(site)
            if not port.listener.can_speak(wanted[key].protocol)
        ]

    def _kept(self, site: SiteConfig) -> list[tuple[Key, SitePort]]:
        """Return our ports that `site` has, too."""
        wanted = listeners_of(site)
        return [(key, port) for key, port in self.open.items() if key in wanted]

    def take_on(
        self, site: SiteConfig, new: Mapping[Key, SitePort]
    ) -> list[MinerListener]:
        """Have the ports of `site` from now on; return the listeners to be closed.

        Args:
            site: As it is now.
            new: What `ask_for` returned, open.
        """
        wanted = listeners_of(site)
        gone = [key for key in self.open if key not in wanted]
        closed = [self.open.pop(key) for key in gone]
        for port in closed:  # its miners stay: the site's own are for them
            port.policy.context.bounds = self.factory.context.bounds
        self.open |= new
        self.open = {key: self.open[key] for key in wanted}
        for key, listener in wanted.items():
            policy = self.open[key].policy
            policy.take_on(listener)
            adjust(policy.context.bounds, listener.difficulty(site.difficulty))
        return [port.listener for port in closed]

    def _policy(self, listener: ListenerConfig, site: SiteConfig) -> ListenerPolicy:
        bounds = bounds_of(listener.difficulty(site.difficulty))
        context = self.factory.context.with_bounds(bounds)
        return ListenerPolicy(self.factory, context, listener)


def _policy_of(difficulty: DifficultyConfig) -> VardiffPolicy:
    return VardiffPolicy(
        difficulty.shares_per_minute,
        Difficulty(difficulty.minimum),
        Difficulty(difficulty.maximum),
    )


def bounds_of(difficulty: DifficultyConfig) -> Bounds:
    """Return what a `[sites.difficulty]` describes."""
    return Bounds(_policy_of(difficulty), Difficulty(difficulty.start))


def adjust(bounds: Bounds, difficulty: DifficultyConfig) -> None:
    """Have `bounds` be those of `difficulty` from now on."""
    bounds.policy = _policy_of(difficulty)
    bounds.start = Difficulty(difficulty.start)


def listeners_of(site: SiteConfig) -> dict[Key, ListenerConfig]:
    """Return every listener of `site`; those without a policy speak V1."""
    plain = [ListenerConfig(endpoint=endpoint) for endpoint in site.listen]
    seen: Counter[str] = Counter()
    found = {}
    for listener in [*plain, *site.listeners]:
        found[listener.endpoint, seen[listener.endpoint]] = listener
        seen[listener.endpoint] += 1
    return found


def _deep(endpoint: str) -> str:
    """Give an endpoint string a backlog that a site's return after a cut fits in.

    Twisted's 50 makes miners wait for the kernel to retry, a second and more.
    """
    if "backlog=" in endpoint or endpoint.startswith(("unix:", "systemd:")):
        return endpoint
    return f"{endpoint}:backlog={BACKLOG}"
