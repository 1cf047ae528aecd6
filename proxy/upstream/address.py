"""Where a pool listens, and how to connect there."""

from pathlib import Path
from urllib.parse import urlsplit

from attrs import evolve, frozen
from OpenSSL import SSL
from twisted.internet.defer import TimeoutError as DeferredTimeoutError
from twisted.internet.endpoints import wrapClientTLS
from twisted.internet.error import ConnectError, DNSLookupError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.ssl import (
    Certificate,
    CertificateOptions,
    trustRootFromCertificates,
)
from typing_extensions import override

from protocol.noise.authority import AuthorityKey, AuthorityKeyError
from proxy.config.source_checks import POOL_SCHEMES
from proxy.regular_file import open_regular
from proxy.runtime.host_endpoint import Reactor, host_endpoint
from proxy.runtime.tls import CIPHERS, MAX_CA_BYTES, authorities, client_options

NOT_CONNECTED = (ConnectError, DNSLookupError, DeferredTimeoutError, ValueError)
"""What an attempt to connect ends in; ValueError: the host's name is no good."""


def why_not_connected(error: Exception) -> str:
    """Return in words what an attempt to connect ended in, once.

    Twisted's own words come before those of the system, which say the same.
    """
    is_of_system = isinstance(error, ConnectError) and error.args and error.args[0]
    return str(error.args[0] if is_of_system else error).removesuffix(".")


class PoolUrlError(ValueError):
    """A pool's url, or what it shall be trusted by, cannot be used."""


@frozen
class PoolAddress:
    """A pool's host and port, and what is spoken there.

    Attributes:
        tls: Inside TLS.
        sv2: Stratum V2.
        authority: Who vouches for its servers, in Stratum V2; None: nobody.
    """

    host: str
    port: int
    tls: bool
    sv2: bool = False
    authority: AuthorityKey | None = None


def read_pool_url(url: str) -> PoolAddress:
    """Return the address in `url`.

    Raises:
        PoolUrlError: It is none, or has no proper authority key.
    """
    parts = urlsplit(url)
    if parts.scheme not in POOL_SCHEMES:
        wanted = ", ".join(f"{scheme}://" for scheme in POOL_SCHEMES)
        raise PoolUrlError(f"{url}: expected one of {wanted}")
    try:
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise PoolUrlError(f"{url}: {error}") from error
    if not host or not port:
        raise PoolUrlError(f"{url}: host and port are needed")
    if parts.scheme == "stratum2+tcp":
        authority = _authority(url, parts.path.strip("/"))
        return PoolAddress(host, port, tls=False, sv2=True, authority=authority)
    return PoolAddress(host, port, parts.scheme == "stratum+tls")


def _authority(url: str, text: str) -> AuthorityKey:
    try:
        return AuthorityKey.from_text(text)
    except AuthorityKeyError as error:
        raise PoolUrlError(f"{url}: {error}") from error


def followed(home: PoolAddress, host: str, port: int) -> PoolAddress | None:
    """Return where a pool's `client.reconnect` leads; None if it leads astray.

    A host of another domain is another pool: who speaks for the first one must
    not be able to take its miners along. Numbers have no domain. Where an authority
    vouches for every server, it may be anywhere: it has to prove itself there.
    """
    host = host or home.host
    if home.authority is not None:
        return evolve(home, host=host, port=port or home.port)
    _, _, domain = home.host.partition(".")
    is_number = home.host.rpartition(".")[2].isdigit() or ":" in home.host
    # A bare top-level domain makes nobody a sibling: pool.com and evil.com share "com".
    # cgminer compares from the first dot alone.
    is_sibling = not is_number and "." in domain and host.partition(".")[2] == domain
    # A port alone may change: the host is the one that was configured.
    if host != home.host and not is_sibling:
        return None
    return PoolAddress(host, port or home.port, home.tls)


def redirected(
    home: PoolAddress, host: str, port: int, *, follows: bool
) -> tuple[PoolAddress | None, str]:
    """Return where a pool's wish to reconnect leads, and what to say of it.

    Args:
        home: Where the pool is dialled by the configuration, and where None leads.
        host: Where it wants us; `home`'s if it does not say.
        port: The same.
        follows: The configuration allows another host of the same domain.
    """
    what = "asked us to reconnect"
    if (host, port) == (home.host, home.port):
        return home, what
    what += f" to {host}:{port}"
    if not follows and home.authority is None:
        return None, f"{what}: not followed, reconnect of [[pools]] is false"
    to = followed(home, host, port)
    if to is None:
        what += ": not followed, it is of another domain"
    return to, what


@frozen
class Trust:
    """Whose certificates a pool may show; by default what the system trusts.

    Attributes:
        fingerprint: SHA-256 of the one certificate, hexadecimal.
        authorities: The only ones that may have signed it.
    """

    fingerprint: str | None = None
    authorities: tuple[Certificate, ...] = ()

    @classmethod
    def of(cls, fingerprint: str | None, ca_file: Path | None) -> "Trust":
        """Return what a configuration says.

        Raises:
            PoolUrlError: `ca_file` cannot be read, or holds no certificate.
        """
        return cls(fingerprint, _authorities(ca_file) if ca_file else ())


def _authorities(path: Path) -> tuple[Certificate, ...]:
    try:
        with open_regular(path) as file:
            return authorities(file.read(MAX_CA_BYTES))
    except (OSError, ValueError) as error:
        raise PoolUrlError(f"ca_file {path}: {error}") from error


def endpoint_of(
    reactor: Reactor, address: PoolAddress, trust: Trust
) -> IStreamClientEndpoint:
    """Return an endpoint; certificates are verified, or compared with the pin.

    Raises:
        ValueError: No certificate can be verified for such a host.
    """
    endpoint = host_endpoint(reactor, address.host, address.port)
    if not address.tls:
        return endpoint
    if trust.fingerprint is not None:
        return wrapClientTLS(_PinnedOptions(trust.fingerprint), endpoint)
    roots = None
    if trust.authorities:
        roots = trustRootFromCertificates(trust.authorities)
    return wrapClientTLS(client_options(address.host, roots), endpoint)


class _PinnedOptions(CertificateOptions):
    """Trusts the one certificate whose SHA-256 is known, whoever signed it."""

    def __init__(self, fingerprint: str) -> None:
        # Without a trust root Twisted verifies nobody: the callback below does.
        super().__init__(acceptableCiphers=CIPHERS)
        self._pin = fingerprint.replace(":", "").lower()

    @override
    def _makeContext(self, skipCiphers: bool = False) -> SSL.Context:
        context = super()._makeContext(skipCiphers)
        context.set_verify(SSL.VERIFY_PEER, self._verify)
        return context

    def _verify(
        self, _connection: object, shown: object, _error: int, depth: int, _ok: int
    ) -> bool:
        # The chain above is not looked at: the pin is of the leaf, which may be
        # self-signed.
        if depth:
            return True
        digest: str = Certificate(shown).original.digest("sha256").decode()
        return digest.replace(":", "").lower() == self._pin
