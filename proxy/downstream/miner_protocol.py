"""A connection's protocol, as those need it who stand before it."""

from abc import ABC, abstractmethod

from twisted.internet.protocol import Protocol

from proxy.downstream.certificate_names import BoundNames, NameRule, free


class MinerProtocol(Protocol, ABC):
    """Hears one connection, and can be told to end it.

    Attributes:
        name_rule: What its workers may be called; its listener sets it.
    """

    name_rule: NameRule = staticmethod(free)

    @abstractmethod
    def hang_up(self, why: str) -> None:
        """Close it for a reason of ours."""

    def bound_names(self) -> BoundNames:
        """Return what the workers that come here may be called."""
        return BoundNames(self.transport, self.name_rule)
