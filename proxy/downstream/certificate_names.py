"""What the workers of a connection may be called, by the certificate that it showed."""

from collections.abc import Callable
from typing import Any

from attrs import define, field
from cryptography import x509
from cryptography.x509.oid import NameOID

from protocol.units import WorkerName

UNREADABLE_CERTIFICATE = (
    ValueError,
    x509.InvalidVersion,
    x509.ExtensionNotFound,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
"""What reading a certificate raises that lacks something, or is not as it should be."""

Names = tuple[str, ...]

NameRule = Callable[[Any], Names | None]
"""Returns the names that bind a transport's workers; None: they are free."""


def free(_transport: Any) -> Names | None:
    """Bind nobody."""
    return None


@define(eq=False, repr=False)
class BoundNames:
    """The names that bind one connection, read when its first worker comes.

    Not before: a connection is made ahead of its handshake.
    """

    transport: Any
    rule: NameRule = free
    _found: Names | None = field(default=None, init=False)

    def refusal(self, worker: WorkerName) -> str:
        """Return why nobody here may be called `worker`; empty if one may."""
        if self._found is None:
            self._found = self.rule(self.transport)
        names = self._found
        if names is None or any(is_of(name, worker) for name in names):
            return ""
        return "The certificate is not for this worker: it must begin with its name"


def is_of(name: str, worker: str) -> bool:
    """Tell whether `worker` is `name`, or one of its: `name.unit`."""
    return worker == name or worker.startswith(f"{name}.")


def names_of(transport: Any) -> Names:
    """Return the names in the certificate that was shown: CN, and SAN of kind DNS.

    Those that can be read: what a certificate says is its maker's affair, and one that
    is not as it should be costs its own workers alone.
    """
    shown = transport.getPeerCertificate()
    if shown is None:
        return ()
    names: list[str] = []
    try:
        certificate = shown.to_cryptography()
        common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        names += [str(attribute.value) for attribute in common]
        kind = x509.SubjectAlternativeName
        found = certificate.extensions.get_extension_for_class(kind).value
        names += found.get_values_for_type(x509.DNSName)
    except UNREADABLE_CERTIFICATE:
        pass  # there are no more
    return tuple(name for name in names if name)
