"""What can go wrong between us and a node."""

from protocol.errors import RemoteError

IN_WARMUP = -28
NOT_CONNECTED = -9
IN_INITIAL_DOWNLOAD = -10
"""Codes of Bitcoin Core, rpc/protocol.h."""


class NodeError(RemoteError):
    """A call that brought no result; the message names no secret."""


class NodeUnreachableError(NodeError):
    """No connection, or one that broke, or no answer in time."""


class NodeBusyError(NodeError):
    """Its work queue is full, or ours towards it is."""


class NodeLoginError(NodeError):
    """It refused our user and password or cookie, or there is no cookie."""


class NodeRefusalError(NodeError):
    """It answered with an error of its own.

    Attributes:
        code: Bitcoin Core's RPC error code.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{message} ({code})")
        self.code = code

    @property
    def is_syncing(self) -> bool:
        """It is starting, or has not caught up with the chain: it will."""
        return self.code in {IN_WARMUP, NOT_CONNECTED, IN_INITIAL_DOWNLOAD}
