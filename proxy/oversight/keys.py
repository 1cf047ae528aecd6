"""The keys of the log that a configuration describes."""

import secrets
from pathlib import Path

from protocol.tlog.note import KeyKind
from proxy.config.transparency import TransparencyConfig
from proxy.oversight.signing import Signer, ed25519, seed_in


def signers_of(settings: TransparencyConfig, state: Path) -> list[Signer]:
    """Return the keys of a log, made if there are none. It may block.

    Raises:
        LogKeyError: They cannot be had.
    """
    seed = seed_in(state / settings.key, secrets.token_bytes)
    return [ed25519(settings.origin, KeyKind.ED25519, seed)]
