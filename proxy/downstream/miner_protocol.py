"""A connection's protocol, as those need it who stand before it."""

from abc import ABC, abstractmethod

from twisted.internet.protocol import Protocol


class MinerProtocol(Protocol, ABC):
    """Hears one connection, and can be told to end it."""

    @abstractmethod
    def hang_up(self, why: str) -> None:
        """Close it for a reason of ours."""
