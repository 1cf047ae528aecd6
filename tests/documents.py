"""Documents and policies for tests; parties sign as machines do (C2SP notes)."""

from hashlib import sha256
from itertools import count
from typing import Any

from msgspec.structs import replace

from protocol.oversight.chain import Accepted, PolicyChain
from protocol.oversight.council import Council
from protocol.oversight.document import (
    Allow,
    Clause,
    Key,
    Lift,
    Limit,
    Pause,
    Policy,
    Revoke,
    Word,
    document_id,
    written,
)
from protocol.oversight.presence import PresenceRule
from protocol.oversight.ruling import Ruling
from protocol.oversight.signature import Signature
from protocol.tlog.note import NoteSigner

T = 1_795_966_400
"""The moment at which most stories begin."""

HOUR = 3600

ROLES = ("plant", "grid", "host", "emergency")
NAMES = ("plant-1", "plant-2", "grid-1", "grid-2", "host-1", "emergency-1")

_PLANT_AND_ONE = (Clause(1, ("plant",)), Clause(2, ("plant", "grid", "host")))
RULES = {
    "limit": (Clause(1, ROLES),),
    "allow": _PLANT_AND_ONE,
    "lift": _PLANT_AND_ONE,
    "pause": (Clause(2, ("plant", "grid", "host")),),
    "revoke": (Clause(2, ROLES),),
    "policy": (Clause(3, ROLES),),
}

_nonces = count(1)


def signer(name: str) -> NoteSigner:
    """Return who holds the key `name`."""
    return NoteSigner.from_seed(f"{name}.example", sha256(name.encode()).digest())


def key(name: str) -> Key:
    """Return the public half of the key `name`; its role is before the dash."""
    return Key("note", signer(name).key.text, name.partition("-")[0])


KEYS = {name: key(name) for name in NAMES}

POLICY = Policy(
    site="hall-a",
    v=1,
    version=1,
    expires=T + 300 * 86_400,
    delay_s=86_400,
    envelope_w=3_500_000,
    default_w=350_000,
    max_order_s=86_400,
    max_age_s=3600,
    max_pause_s=604_800,
    skew_s=60,
    keys=KEYS,
    rules=RULES,
)


def policy(**changes: Any) -> Policy:
    """Return the policy, changed."""
    return replace(POLICY, **changes)


def council(first: Policy = POLICY, presence: PresenceRule | None = None) -> Council:
    """Return a council under a first policy."""
    chain = PolicyChain((Accepted(first, document_id(written(first))),))
    return Council(first.site, chain, presence or PresenceRule())


def _word(kind: type[Word], changes: dict[str, Any], **more: Any) -> bytes:
    said: dict[str, Any] = {
        "site": "hall-a",
        "v": 1,
        "policy": 1,
        "issued_at": T,
        "nonce": f"{next(_nonces):032x}",
        "reason": "feeder work",
    }
    return written(kind(**(said | more | changes)))


def limit(watts: int = 2_000_000, **changes: Any) -> bytes:
    """Return a limit for an hour."""
    times = {"not_before": T, "expires": T + HOUR}
    return _word(Limit, changes, watts=watts, **times)


def allow(watts: int = 3_000_000, **changes: Any) -> bytes:
    """Return an allow for an hour."""
    times = {"not_before": T, "expires": T + HOUR}
    return _word(Allow, changes, watts=watts, **times)


def pause(role: str, watts: int = 1_500_000, **changes: Any) -> bytes:
    """Return a pause for an hour."""
    times = {"not_before": T, "expires": T + HOUR}
    return _word(Pause, changes, watts=watts, role=role, **times)


def lift(*names: str, **changes: Any) -> bytes:
    """Return the end of limits."""
    return _word(Lift, changes, lifts=names)


def revoke(*names: str, **changes: Any) -> bytes:
    """Return the end of keys."""
    return _word(Revoke, changes, keys=names)


def signed(raw: bytes, *names: str) -> tuple[Signature, ...]:
    """Return signatures by these keys."""
    return tuple(Signature(n, signer(n).line(raw).text) for n in names)


def say(
    to: Council,
    raw: bytes,
    *signers: str,
    at: float = T,
    moments: tuple[float, ...] = (),
    seen: dict[str, float] | None = None,
) -> Ruling:
    """Have a council judge a document, and enact it if it is taken."""
    heard = to.hear(raw, moments or (at,))
    ruling = to.judge(heard, signers, seen or {})
    if not ruling.needs:
        to.enact(ruling, at)
    return ruling
