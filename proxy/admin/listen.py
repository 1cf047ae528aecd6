"""Have the admin socket to oneself, also after a crash."""

import socket
from errno import EADDRINUSE
from pathlib import Path

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import UNIXServerEndpoint
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import (
    IListeningPort,
    IProtocolFactory,
    IReactorUNIX,
    IStreamServerEndpoint,
)
from zope.interface import implementer

from proxy.admin.access import OWNER_ALONE, Access


@implementer(IStreamServerEndpoint)
class AdminEndpoint:
    """A Unix socket, open to its owner and to whom it is shared with.

    What a killed process left behind is removed. Twisted's lock file is not used:
    it names a process id, and in a container the dead and the new process are both
    number 1, so that a restart would find the lock held for ever.
    """

    def __init__(
        self, reactor: IReactorUNIX, path: Path, access: Access = OWNER_ALONE
    ) -> None:
        self._reactor = reactor
        self._path = path
        self._access = access

    def listen(self, protocolFactory: IProtocolFactory) -> "Deferred[IListeningPort]":  # noqa: N803
        """Listen; fails with CannotListenError where another process does.

        It does so, too, where the socket cannot be shared as it is to be.
        """
        return Deferred.fromCoroutine(self._listen(protocolFactory))

    async def _listen(self, factory: IProtocolFactory) -> IListeningPort:
        path = str(self._path)
        try:
            self._access.make_folder(self._path)
        except OSError as error:
            raise CannotListenError("unix", path, error) from error
        if is_served(self._path):
            in_use = OSError(EADDRINUSE, "another process listens there")
            raise CannotListenError("unix", path, in_use)
        endpoint = UNIXServerEndpoint(self._reactor, path, mode=0o600, wantPID=False)
        port: IListeningPort = await endpoint.listen(factory)
        try:
            self._access.apply(self._path)
        except OSError as error:
            await maybeDeferred(port.stopListening)
            raise CannotListenError("unix", path, error) from error
        return port


def is_served(path: Path) -> bool:
    """Return whether somebody listens on the socket `path`.

    A socket on which nobody does is removed; what is no socket stays as it is.
    """
    if not path.is_socket():
        return False
    if answers(path):
        return True
    path.unlink(missing_ok=True)
    return False


def answers(path: Path) -> bool:
    """Return whether somebody listens on the socket `path`; nothing is changed."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except (PermissionError, BlockingIOError):
            return True  # somebody else's, or somebody's backlog is full
        except OSError:
            return False
    return True
