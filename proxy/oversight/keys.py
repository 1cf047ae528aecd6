"""The keys of the log that a configuration describes."""

import secrets
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm

from protocol.tlog.note import KeyKind, VerifierKey
from proxy.config.transparency import AGENT, TransparencyConfig
from proxy.oversight.agent import agent_signer
from proxy.oversight.signing import LogKeyError, Signer, ed25519, seed_in

MLDSA_FILE = "log-mldsa44.key"
"""In `state_dir`: the seed of the second key."""


def signers_of(settings: TransparencyConfig, state: Path) -> list[Signer]:
    """Return the keys of a log, made if there are none. It may block.

    Raises:
        LogKeyError: They cannot be had.
    """
    if settings.key.startswith(AGENT):
        fingerprint = settings.key.removeprefix(AGENT)
        signers = [agent_signer(settings.origin, fingerprint)]
    else:
        seed = seed_in(state / settings.key, secrets.token_bytes)
        signers = [ed25519(settings.origin, KeyKind.ED25519, seed)]
    if settings.algorithm == "ed25519+mldsa44":
        seed = seed_in(state / MLDSA_FILE, secrets.token_bytes)
        signers.append(mldsa44(settings.origin, seed))
    return signers


def mldsa44(name: str, seed: bytes) -> Signer:
    """Return the signer of a seed of 32 B, of type 0x06. Source: FIPS 204, 6.1.

    Raises:
        LogKeyError: This release of the library has no such keys.
    """
    try:
        # Only by those who have such a key: older releases of the library lack it.
        from cryptography.hazmat.primitives.asymmetric import mldsa  # noqa: PLC0415

        secret = mldsa.MLDSA44PrivateKey.from_seed_bytes(seed)
        public = secret.public_key().public_bytes_raw()
    except (ImportError, UnsupportedAlgorithm) as error:
        raise LogKeyError("this release of cryptography has no ML-DSA-44") from error
    return Signer(VerifierKey(name, KeyKind.MLDSA44, public), secret.sign)
