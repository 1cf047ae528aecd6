"""Parties who hold the demo's power together, and sign as machines do.

plant, grid, host, emergency     a key each; their notes go to POST /v1/documents
"""

import secrets
from collections.abc import Callable, Sequence
from math import ceil
from typing import Any

import msgspec
import treq
from attrs import define, field, frozen
from twisted.internet.error import ConnectError
from twisted.web.client import ResponseFailed

from protocol.oversight.document import (
    Allow,
    Clause,
    Key,
    Lift,
    Limit,
    Policy,
    Word,
    document_id,
    written,
)
from protocol.tlog.note import NoteSigner
from protocol.units import UnixTime, Watts

ROLES = ("plant", "grid", "host", "emergency")
HOUR = 3600
DEFAULT_SHARE = 0.6
"""Of the contract, while nobody has signed for more."""

_RAISES = (Clause(1, ("plant",)), Clause(2, ("plant", "grid", "host")))
_RULES = {
    "limit": (Clause(1, ROLES),),
    "allow": _RAISES,
    "lift": _RAISES,
    "pause": (Clause(2, ("plant", "grid", "host")),),
    "revoke": (Clause(2, ROLES),),
    "policy": (Clause(3, ROLES),),
}


@frozen
class Said:
    """What became of a document.

    Attributes:
        id: Of the document.
        status: Of HTTP; 0: nobody was there.
        needs: Who is missing.
    """

    id: str
    status: int
    needs: Sequence[str] = ()
    reason: str = ""


@define(eq=False, repr=False)
class Parties:
    """The keys of everybody, and the way to the site.

    Attributes:
        site: Its name.
        url: Where it takes documents.
        contract_w: What was agreed.
    """

    site: str
    url: str
    contract_w: Watts
    clock: Any
    wall_clock: Callable[[], UnixTime]
    _signers: dict[str, NoteSigner] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._signers = {
            role: NoteSigner.from_seed(f"{role}.example", secrets.token_bytes(32))
            for role in ROLES
        }

    def policy(self) -> bytes:
        """Return the policy that they have agreed on, as it is signed."""
        keys = {
            f"{role}-1": Key("note", signer.key.text, role)
            for role, signer in self._signers.items()
        }
        policy = Policy(
            site=self.site,
            v=1,
            version=1,
            expires=int(self.wall_clock()) + 365 * 24 * HOUR,
            delay_s=24 * HOUR,
            envelope_w=ceil(self.contract_w),
            default_w=int(self.contract_w * DEFAULT_SHARE),
            max_order_s=24 * HOUR,
            max_age_s=HOUR,
            max_pause_s=7 * 24 * HOUR,
            skew_s=60,
            keys=keys,
            rules=_RULES,
        )
        return written(policy)

    def limit(self, share: float, reason: str) -> bytes:
        """Return a limit for an hour."""
        return self._bound(Limit, share, reason)

    def allow(self, share: float, reason: str) -> bytes:
        """Return leave for an hour."""
        return self._bound(Allow, share, reason)

    def lift(self, limit: str, reason: str) -> bytes:
        """Return the end of a limit."""
        return self._word(Lift, reason, lifts=(limit,))

    async def send(self, raw: bytes, *roles: str) -> Said:
        """Have parties sign a document and send it; return what became of it."""
        signatures = [
            {"key": f"{role}-1", "value": self._signers[role].line(raw).text}
            for role in roles
        ]
        body = msgspec.json.encode({"document": raw.decode(), "signatures": signatures})
        name, url = document_id(raw), f"{self.url}/v1/documents"
        try:
            answer = await treq.post(
                url, data=body, persistent=False, reactor=self.clock
            )
            told: Any = msgspec.json.decode(await answer.content())
        except (ConnectError, ResponseFailed, msgspec.DecodeError):
            return Said(name, 0, reason="nobody answers")
        needs, reason = told.get("needs", ()), told.get("reason", "")
        return Said(name, answer.code, needs, reason)

    def _bound(self, kind: type[Limit | Allow], share: float, reason: str) -> bytes:
        now, watts = int(self.wall_clock()), int(self.contract_w * share)
        times = {"not_before": now, "expires": now + HOUR}
        return self._word(kind, reason, watts=watts, **times)

    def _word(self, kind: type[Word], reason: str, **more: Any) -> bytes:
        said = {
            "site": self.site,
            "v": 1,
            "policy": 1,
            "issued_at": int(self.wall_clock()),
            "nonce": secrets.token_hex(16),
            "reason": reason,
        }
        return written(kind(**{**said, **more}))
