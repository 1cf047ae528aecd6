"""Certificates that nobody else has signed, and their keys as files."""

from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

PEM = serialization.Encoding.PEM


def self_signed(
    key: Key, common: str | None, *extensions: tuple[x509.ExtensionType, bool]
) -> x509.Certificate:
    """Return a certificate that holds for a century.

    Args:
        common: The common name; None: it has none.
        extensions: Each, and whether it is critical.
    """
    oid = NameOID.COMMON_NAME
    name = x509.Name([] if common is None else [x509.NameAttribute(oid, common)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2120, 1, 1, tzinfo=UTC))
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(key, hashes.SHA256())


def an_ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def write_pem(key_file: Path, file: Path, key: Key, shown: x509.Certificate) -> None:
    """Write a certificate and its key, which no password keeps."""
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    key_file.write_bytes(key.private_bytes(PEM, form, plain))
    file.write_bytes(shown.public_bytes(PEM))
