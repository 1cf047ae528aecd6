"""The keys that a site shows to its Stratum V2 miners."""

import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryFile

from attrs import define, field
from twisted.logger import Logger

from protocol.errors import LocalError
from protocol.noise.authority import AuthorityKeyError, AuthoritySecret
from protocol.noise.certificate import Certificate
from protocol.noise.ellswift import SECRET_BYTES, KeyPair
from protocol.noise.handshake import Identity
from protocol.sv2.line import NewTransport, ServerLine
from protocol.sv2.server import MAX_PAYLOAD_BYTES
from protocol.sv2.transport import Transport
from protocol.units import Seconds, UnixTime
from proxy.regular_file import open_regular

KEY_FILE = "authority.key"
"""In `state_dir`."""

BACKDATED = Seconds(86400.0)
"""Machines without a clock of their own may be a day late."""

VALID_FOR = Seconds(30 * 86400.0)
RENEWED_AFTER = Seconds(86400.0)

_MAX_FILE_BYTES = 256
_OTHERS = 0o077

RandomBytes = Callable[[int], bytes]


class KeyFileError(Exception):
    """The authority key cannot be read or made; the message says why."""


def load_authority(path: Path) -> AuthoritySecret | None:
    """Return the secret in the file `path`; None if there is no such file.

    Raises:
        KeyFileError: Others may read it, or it holds no key.
    """
    try:
        with open_regular(path) as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(_MAX_FILE_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}") from error
    if mode & _OTHERS:
        raise KeyFileError(f"{path}: mode {mode & 0o777:o}, wanted 600")
    try:
        return AuthoritySecret.from_text(text.decode("ascii").strip())
    except (AuthorityKeyError, UnicodeDecodeError) as error:
        raise KeyFileError(f"{path}: holds no authority secret") from error


def make_authority(path: Path, random_bytes: RandomBytes) -> AuthoritySecret:
    """Make a secret and write it to the new file `path`, mode 0600.

    Raises:
        KeyFileError: It cannot be written, or is there already.
    """
    secret = _secret(random_bytes)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secret.text + "\n")
            file.flush()
            os.fsync(handle)
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}") from error
    return secret


def authority_of(path: Path, random_bytes: RandomBytes) -> AuthoritySecret:
    """Return the secret in the file `path`, made now if there is none.

    Raises:
        KeyFileError: It can be neither read nor made.
    """
    return load_authority(path) or make_authority(path, random_bytes)


def check_authority(path: Path) -> None:
    """Look whether `authority_of` can be done; nothing is made.

    Raises:
        KeyFileError: It cannot.
    """
    if load_authority(path) is not None:
        return
    try:
        with TemporaryFile(dir=next(one for one in path.parents if one.is_dir())):
            pass
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}") from error


@define(eq=False, repr=False)
class ServerKeys:
    """Who we are to miners: a static key, certified anew each day.

    The static key lives as long as the process: it is the authority that miners
    know us by.

    Attributes:
        random_bytes: A source that nobody can guess.
    """

    _log = Logger()

    _authority: AuthoritySecret
    wall_clock: Callable[[], UnixTime]
    random_bytes: RandomBytes
    _static: KeyPair = field(init=False)
    _identity: Identity | None = field(default=None, init=False)
    _renew_at: float = field(default=0.0, init=False)

    def __attrs_post_init__(self) -> None:
        self._static = _pair(self.random_bytes)

    @property
    def identity(self) -> Identity:
        """The static key with a certificate that is good for weeks."""
        now = self.wall_clock()
        if self._identity is None or now >= self._renew_at:
            self._identity = self._certified(now)
            self._renew_at = now + RENEWED_AFTER
        return self._identity

    def line(self, new_transport: NewTransport = Transport) -> ServerLine:
        """Return our end of a new connection.

        Args:
            new_transport: Seals and opens its frames once the handshake is done.
        """
        ephemeral = _pair(self.random_bytes)
        return ServerLine(MAX_PAYLOAD_BYTES, self.identity, ephemeral, new_transport)

    def _certified(self, now: UnixTime) -> Identity:
        until = int(now + VALID_FOR)
        certificate = Certificate.sign(
            self._authority,
            self._static.xonly,
            max(int(now - BACKDATED), 0),
            until,
            self.random_bytes(SECRET_BYTES),
        )
        self._log.debug("certificate renewed, good until {until}", until=until)
        return Identity(self._static, certificate)


def _pair(random_bytes: RandomBytes) -> KeyPair:
    """Return a new key; one secret in 2**128 is none."""
    while True:
        try:
            return KeyPair.from_secret(
                random_bytes(SECRET_BYTES), random_bytes(SECRET_BYTES)
            )
        except LocalError:
            continue


def _secret(random_bytes: RandomBytes) -> AuthoritySecret:
    while True:
        try:
            return AuthoritySecret.from_bytes(random_bytes(SECRET_BYTES))
        except AuthorityKeyError:
            continue
