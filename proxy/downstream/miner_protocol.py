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
    _bound_names: BoundNames | None = None

    @abstractmethod
    def hang_up(self, why: str) -> None:
        """Close it for a reason of ours."""

    def bound_names(self) -> BoundNames:
        """Return what the workers that come here may be called: one for all of them."""
        if self._bound_names is None:
            self._bound_names = BoundNames(self.transport, self.name_rule)
        return self._bound_names
