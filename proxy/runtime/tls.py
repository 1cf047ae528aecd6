"""TLS as Baseload speaks it, on both sides."""

import ssl
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography import x509
from OpenSSL import SSL, crypto
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import (
    IOpenSSLClientConnectionCreator,
    IOpenSSLContextFactory,
    IStreamServerEndpoint,
)
from twisted.internet.ssl import (
    AcceptableCiphers,
    Certificate,
    optionsForClientTLS,
)
from twisted.web.iweb import IPolicyForHTTPS
from zope.interface import implementer

from proxy.regular_file import open_regular, read_regular

_SUITES = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Suites of TLS 1.2 with an ephemeral key and authenticated encryption (RFC 9325, 4.2):
no CBC with SHA-1, no key exchange by plain RSA. All of TLS 1.3's are of that kind."""

MAX_CA_BYTES = 4_000_000
"""Of a file of authorities; all that a system trusts are 220 kB."""

_SSL = (
    "port",
    "privateKey",
    "certKey",
    "sslmethod",
    "interface",
    "backlog",
    "extraCertChain",
    "dhParameters",
)
"""What an endpoint `ssl:` may say, in Twisted's order: names may be left out."""

_FILES = ("privateKey", "certKey", "extraCertChain", "dhParameters")
"""Those of them that Twisted reads a file for."""

CIPHERS = AcceptableCiphers.fromOpenSSLCipherString(_SUITES)


def server_endpoint(
    reactor: Any, text: str, client_ca: Path | None = None
) -> IStreamServerEndpoint:
    """Return the endpoint that `text` describes to Twisted.

    Args:
        reactor: Where it listens.
        text: An endpoint string.
        client_ca: Authorities that clients need a certificate of; None: they need none.

    Raises:
        ValueError, TypeError, LookupError: It describes none.
        OSError, OpenSSL.SSL.Error: A certificate or key cannot be used.
    """
    check_files(text)
    endpoint: Any = serverFromString(reactor, text)
    # "ssl:" strings have no option for it, and the endpoint no other way to its context
    options = getattr(endpoint, "_sslContextFactory", None)
    if options is not None:
        # The context is made once and kept by the options: this sets it for every
        # connection.
        options.getContext().set_cipher_list(_SUITES.encode())
        # So a reload can exchange the certificate while the port stays open.
        asked = b"" if client_ca is None else _ask_for(options.getContext(), client_ca)
        endpoint._sslContextFactory = Identity(options, asked)  # noqa: SLF001  (as above)
    served: IStreamServerEndpoint = endpoint
    return served


def check_files(text: str) -> None:
    """Look at the files of an endpoint string, which Twisted would wait for.

    Raises:
        ValueError: One cannot be read, or is a folder, a pipe, a device; the message
            names its argument.
    """
    kind, *parts = text.replace("\\:", "\0").split(":")
    if kind != "ssl":
        return
    names = iter(_SSL)
    for part in parts:
        name, sign, value = part.partition("=")
        key, value = (name, value) if sign else (next(names, ""), name)
        if key not in _FILES or not value:
            continue
        path = Path(value.replace("\0", ":"))
        try:
            open_regular(path).close()
        except OSError as error:
            raise ValueError(f"{key} {path}: {error.strerror}") from error


def verifying_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return how the standard library verifies a server's certificate.

    Args:
        ca_file: Who may have signed it; None: whom the system trusts.

    Raises:
        OSError: `ca_file` cannot be read, or has no certificate in it.
    """
    if ca_file is not None:
        open_regular(ca_file).close()
    return ssl.create_default_context(cafile=ca_file)


def _ask_for(context: SSL.Context, client_ca: Path) -> bytes:
    """Take only clients with a certificate of `client_ca`; return its SHA-256.

    Raises:
        OSError: It cannot be read.
        ValueError: There is no certificate in it.
    """
    data = read_regular(client_ca, MAX_CA_BYTES)
    try:
        context.load_verify_locations(str(client_ca))
        context.load_client_ca(str(client_ca).encode())  # so that clients can choose
    except SSL.Error as error:
        raise ValueError(f"{client_ca}: no certificate in PEM in it") from error
    wanted = SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT
    context.set_verify(
        wanted, lambda _end, _cert, _error, _depth, is_good: bool(is_good)
    )
    return sha256(data).digest()


@implementer(IOpenSSLContextFactory)
class Identity:
    """The certificate that a port shows; another one is for handshakes from then on.

    Args:
        options: Twisted's.
        asked: SHA-256 of the authorities that clients need a certificate of; empty:
            they need none.
    """

    def __init__(self, options: Any, asked: bytes = b"") -> None:
        self.options = options
        self.asked = asked

    def getContext(self) -> Any:  # noqa: N802  (a context factory of Twisted's)
        """Return what a new connection is secured by."""
        return self.options.getContext()

    def take_on(self, other: "Identity") -> None:
        """Show what `other` has, and ask for what it asks for."""
        self.options, self.asked = other.options, other.asked

    def is_like(self, other: "Identity") -> bool:
        """Tell whether `other` shows and asks for the same."""
        return (self.chain, self.asked) == (other.chain, other.asked)

    @property
    def chain(self) -> list[bytes]:
        """SHA-256 of each certificate that is shown, its own first."""
        options = self.options
        shown = (options.certificate, *options.extraCertChain)
        return [certificate.digest("sha256") for certificate in shown]

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, hexadecimal."""
        digest: bytes = self.options.certificate.digest("sha256")
        return digest.decode("ascii")


def identity_of(endpoint: IStreamServerEndpoint) -> Identity | None:
    """Return what an endpoint of `server_endpoint` shows; None: it speaks no TLS."""
    found = getattr(endpoint, "_sslContextFactory", None)
    return found if isinstance(found, Identity) else None


def client_options(host: str, roots: Any = None) -> IOpenSSLClientConnectionCreator:
    """Return how to connect to `host`, its certificate verified.

    Args:
        host: A name or an address.
        roots: Who may have signed it, as Twisted has it; None: whom the system trusts.

    Raises:
        ValueError: No certificate can be verified for such a host.
    """
    return optionsForClientTLS(
        host, roots, extraCertificateOptions={"acceptableCiphers": CIPHERS}
    )


def authorities(data: bytes) -> tuple[Certificate, ...]:
    """Return the certificates in a PEM file, for `trustRootFromCertificates`.

    Raises:
        ValueError: It holds none.
    """
    found = x509.load_pem_x509_certificates(data)
    return tuple(Certificate(crypto.X509.from_cryptography(one)) for one in found)


@implementer(IPolicyForHTTPS)
class HttpsPolicy:
    """The same for `twisted.web.client.Agent`.

    Args:
        roots: As of `client_options`.
    """

    def __init__(self, roots: Any = None) -> None:
        self._roots = roots

    def creatorForNetloc(  # noqa: N802  (IPolicyForHTTPS)
        self,
        hostname: bytes,
        port: int,  # noqa: ARG002  (IPolicyForHTTPS)
    ) -> IOpenSSLClientConnectionCreator:
        """Return how to connect to `hostname`."""
        return client_options(hostname.decode("ascii"), self._roots)
