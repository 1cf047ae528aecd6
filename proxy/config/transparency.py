"""`[proxy.transparency]`: the event log for others, signed and cosigned."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from protocol.errors import MalformedMessageError
from protocol.tlog.trust import MAX_TRUST_BYTES, Trust, trust_of
from proxy.config.fields import Section, written
from proxy.regular_file import read_regular

_MLDSA = "cryptography.hazmat.primitives.asymmetric.mldsa"

AGENT = "agent:"
"""Before the fingerprint of a key that an ssh-agent holds."""


class TransparencyConfig(Section, frozen=True, kw_only=True):
    """`[proxy.transparency]`: the event log for others to check.

    Attributes:
        origin: What the log is called by all who check it, for ever: a name like a url
            without its scheme, whose last part counts generations.
        key: File in `state_dir` with the key that signs it, made if it is not there;
            or `agent:SHA256:...`, an Ed25519 key in the ssh-agent at $SSH_AUTH_SOCK.
        algorithm: Whether a second key signs, too, that quantum computers cannot forge.
        every_s: Seconds between two signed states of it; until then what happened could
            be rewritten.
        late_s: The alarm `log_late` comes when the newest state that enough witnesses
            cosigned is older, in seconds.
        trust: File with the witnesses, and how many must have cosigned (a C2SP
            tlog-policy); None: nobody is asked.
    """

    origin: Annotated[
        str,
        written(
            r"^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,198}/[0-9]{1,9}$",
            'a name that ends in a number, as "plant.example/unit-1/log/1"',
        ),
    ]
    key: Annotated[
        str,
        written(
            r"^(agent:SHA256:[A-Za-z0-9+/]{43}|[A-Za-z0-9][A-Za-z0-9_.-]{0,63})$",
            'the name of a file in state_dir, or "agent:SHA256:..."',
        ),
    ] = "log.key"
    algorithm: Literal["ed25519", "ed25519+mldsa44"] = "ed25519"
    every_s: Annotated[float, Meta(ge=1, le=3600)] = 10.0
    late_s: Annotated[float, Meta(ge=10, le=86400)] = 300.0
    trust: Path | None = None


def read_trust(path: Path) -> Trust:
    """Return the trust policy in a file.

    Raises:
        ValueError: It cannot be read, or is none; the message names the file.
    """
    try:
        return trust_of(read_regular(path, MAX_TRUST_BYTES))
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from error
    except MalformedMessageError as error:
        raise ValueError(f"{path}: {error}") from error


def transparency_faults(settings: TransparencyConfig | None) -> Iterator[str]:
    """Yield what is wrong with the table, each a sentence that ends in the key."""
    if settings is None:
        return
    key = "$.proxy.transparency"
    if settings.algorithm != "ed25519" and find_spec(_MLDSA) is None:
        what = "This release of cryptography has no ML-DSA-44"
        yield f"{what} - at `{key}.algorithm`"
    if settings.every_s >= settings.late_s:
        what = f"Expected more than every_s ({settings.every_s:g})"
        yield f"{what}, got {settings.late_s:g} - at `{key}.late_s`"
    if settings.trust is None:
        return
    try:
        trust = read_trust(settings.trust)
    except ValueError as error:
        yield f"{error} - at `{key}.trust`"
        return
    if trust.logs and settings.origin not in {log.key.name for log in trust.logs}:
        yield f"{settings.trust} trusts other logs than this one - at `{key}.origin`"
    for witness in trust.witnesses:
        if witness.url and not witness.url.startswith(("http://", "https://")):
            yield f"{witness.name}: no http url: {witness.url} - at `{key}.trust`"
