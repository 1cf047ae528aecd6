"""Where a pool listens, and how to connect there."""

from urllib.parse import urlsplit

from attrs import frozen
from OpenSSL import SSL
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IReactorTCP, IReactorTime, IStreamClientEndpoint
from twisted.internet.ssl import Certificate, CertificateOptions, optionsForClientTLS
from typing_extensions import override


class PoolUrlError(ValueError):
    """A pool's url cannot be used; the message says why."""


class Reactor(IReactorTCP, IReactorTime):
    """What connecting takes."""


@frozen
class PoolAddress:
    """A pool's host and port, and whether TLS is spoken there."""

    host: str
    port: int
    tls: bool


def read_pool_url(url: str) -> PoolAddress:
    """Return the address in `url`.

    Raises:
        PoolUrlError: It is none, or of a protocol that this release lacks.
    """
    parts = urlsplit(url)
    if parts.scheme == "stratum2+tcp":
        raise PoolUrlError(f"{url}: this release speaks Stratum V1 to pools, not V2")
    if parts.scheme not in {"stratum+tcp", "stratum+tls"}:
        raise PoolUrlError(f"{url}: expected stratum+tcp:// or stratum+tls://")
    try:
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise PoolUrlError(f"{url}: {error}") from error
    if not host or not port:
        raise PoolUrlError(f"{url}: host and port are needed")
    return PoolAddress(host, port, parts.scheme == "stratum+tls")


def endpoint_of(
    reactor: Reactor, address: PoolAddress, fingerprint: str | None
) -> IStreamClientEndpoint:
    """Return an endpoint; certificates are verified, or compared with the pin."""
    endpoint = HostnameEndpoint(reactor, address.host, address.port)
    if not address.tls:
        return endpoint
    if fingerprint is None:
        return wrapClientTLS(optionsForClientTLS(address.host), endpoint)
    return wrapClientTLS(_PinnedOptions(fingerprint), endpoint)


class _PinnedOptions(CertificateOptions):
    """Trusts the one certificate whose SHA-256 is known, whoever signed it."""

    def __init__(self, fingerprint: str) -> None:
        super().__init__()
        self._pin = fingerprint.replace(":", "").lower()

    @override
    def _makeContext(self, skipCiphers: bool = False) -> SSL.Context:
        context = super()._makeContext(skipCiphers)
        context.set_verify(SSL.VERIFY_PEER, self._verify)
        return context

    def _verify(
        self, _connection: object, x509: object, _error: int, depth: int, _ok: int
    ) -> bool:
        if depth:
            return True
        digest: str = Certificate(x509).original.digest("sha256").decode()
        return digest.replace(":", "").lower() == self._pin
