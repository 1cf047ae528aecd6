"""How we prove to a node who we are."""

from base64 import b64encode
from pathlib import Path
from typing import Protocol

from attrs import field, frozen

from proxy.node.errors import NodeLoginError
from proxy.regular_file import open_regular

_MAX_COOKIE_BYTES = 1024


class Credentials(Protocol):
    """Something that makes an Authorization header."""

    def header(self) -> bytes:
        """Return the header's value as it is to be sent now.

        Raises:
            NodeLoginError: There is none to be had now.
        """


@frozen
class UserPassword:
    """An rpcauth user."""

    user: str
    password: str = field(repr=False)

    def header(self) -> bytes:
        """Return HTTP basic authentication."""
        return _basic(f"{self.user}:{self.password}".encode())


@frozen
class CookieFile:
    """bitcoind's own `.cookie`, which changes whenever it restarts.

    Read for each header: a page in the cache, and never out of date.
    """

    path: Path

    def header(self) -> bytes:
        """Return HTTP basic authentication with what the file holds now.

        Raises:
            NodeLoginError: The file cannot be read: the node is not running.
        """
        try:
            with open_regular(self.path) as file:
                # Its one line is user:password as HTTP wants it.
                return _basic(file.read(_MAX_COOKIE_BYTES).strip())
        except OSError as error:
            raise NodeLoginError(f"cookie {self.path}: {error.strerror}") from error


def _basic(pair: bytes) -> bytes:
    return b"Basic " + b64encode(pair)
