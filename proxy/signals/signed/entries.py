"""What the event log is told of a document."""

from collections.abc import Sequence
from typing import Any

from protocol.oversight.document import Policy
from protocol.oversight.ruling import Verdict
from protocol.oversight.signature import Signature
from proxy.signals.signed.book import Weighed


def kind_of(weighed: Weighed) -> str:
    """Return the kind of the event: a policy that is taken has its own."""
    is_policy = isinstance(weighed.ruling.document, Policy)
    is_taken = weighed.ruling.verdict is Verdict.TAKEN
    return "policy" if is_policy and is_taken else "document"


def cause_of(weighed: Weighed) -> str:
    """Return what was said and by whom, for people."""
    ruling = weighed.ruling
    by = ", ".join(sorted(ruling.roles))
    what = f"{weighed.kind} {ruling.id[:8]} by {by}"
    if ruling.needs:
        return f"{what} waits for {'; '.join(ruling.needs)}"
    reason = getattr(ruling.document, "reason", "")
    return f"{what}: {reason}" if reason else what


def body_of(weighed: Weighed, peer: str) -> dict[str, Any]:
    """Return all that others need to judge a document again.

    Args:
        weighed: What became of it.
        peer: Who sent it.
    """
    ruling = weighed.ruling
    body = {
        "id": ruling.id,
        "kind": weighed.kind,
        "verdict": ruling.verdict.value,
        "by": sorted(ruling.roles),
        "keys": sorted(ruling.signers),
        "peer": peer,
    }
    if ruling.needs:
        body["needs"] = list(ruling.needs)
    return body | text_of(weighed.raw, weighed.signatures)


def text_of(raw: bytes, signatures: Sequence[Signature]) -> dict[str, Any]:
    """Return a document's bytes as text, and the signatures that came with it."""
    made = [{"key": s.key, "value": s.value} for s in signatures]
    return {"document": raw.decode(errors="replace"), "signatures": made}
