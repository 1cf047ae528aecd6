"""Which miners of Stratum V1 are proxies, with miners of their own."""

from collections import OrderedDict

from attrs import define, field

MAX_KNOWN = 4096
"""Proxies by directive that are remembered: 0.5 MB of texts at the most."""

MOST_EXTRANONCE2 = 8
"""Bytes of extranonce2 that a client of Stratum V1 can be given. Source: cgminer 4.11,
which packs it into 64 bits."""

_BEGINNINGS = ("baseload/", "ckpool/", "btccom-agent/")


def is_proxy_agent(user_agent: str) -> bool:
    """Return whether a client that introduces itself so is a proxy.

    ckpool in proxy mode calls itself by the name of the pool; others say "proxy".
    """
    agent = user_agent.lower()
    return agent.startswith(_BEGINNINGS) or "proxy" in agent


@define(eq=False, repr=False)
class KnownProxies:
    """Clients whose password said that they are proxies, for when they come again.

    The password comes after the slot was told, and most clients can't be told another.
    """

    _known: OrderedDict[tuple[str, str], None] = field(factory=OrderedDict, init=False)

    def add(self, address: str, user_agent: str) -> None:
        """Remember a client; the oldest gives way."""
        self._known[address, user_agent] = None
        if len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)

    def has(self, address: str, user_agent: str) -> bool:
        """Return whether a client is one of them, or says so by its user agent."""
        return (address, user_agent) in self._known or is_proxy_agent(user_agent)
