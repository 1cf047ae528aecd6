"""What time says of a document: its policy, its age, how long it holds.

Where it is in doubt what time it is, what lowers is taken if one of the moments does,
and what raises if all do.
"""

from collections.abc import Callable, Sequence

from protocol.errors import RemoteError
from protocol.oversight.chain import PolicyChain
from protocol.oversight.document import Bound, Limit, Pause, Revoke, Word

Moments = Sequence[float]
"""What time it may be, Unix seconds."""

Check = Callable[[Word, PolicyChain, float], str]
"""Returns why a document is not taken at a moment; empty if it is."""


class RefusedError(RemoteError):
    """A document that is not taken; the message says why."""


def passing(
    document: Word, moments: Moments, chain: PolicyChain, check: Check
) -> tuple[float, ...]:
    """Return the moments at which a document passes, where these are enough.

    Raises:
        RefusedError: They are not.
    """
    objections = {t: check(document, chain, t) for t in moments}
    passed = tuple(t for t, why in objections.items() if not why)
    is_lowering = isinstance(document, Limit | Revoke)
    if passed if is_lowering else len(passed) == len(objections):
        return passed
    raise RefusedError(next(why for why in objections.values() if why))


def version(document: Word, chain: PolicyChain, moment: float) -> str:
    """Ask for the policy in force."""
    in_force = chain.in_force(moment).version
    if document.policy == in_force:
        return ""
    return f"made under policy {document.policy}, {in_force} is in force"


def age(document: Word, chain: PolicyChain, moment: float) -> str:
    """Ask for an issue that is neither in the future nor long ago."""
    policy = chain.in_force(moment)
    if document.issued_at > moment + policy.skew_s:
        return "issued in the future: is a clock wrong?"
    if document.issued_at < moment - policy.max_age_s:
        return f"issued more than {policy.max_age_s} s ago"
    return ""


def duration(document: Word, chain: PolicyChain, moment: float) -> str:
    """Ask for a policy that has not expired, and a time that has an end."""
    policy = chain.in_force(moment)
    if not isinstance(document, Limit | Revoke) and moment >= policy.expires:
        return f"policy {policy.version} has expired: limits and revocations only"
    if not isinstance(document, Bound):
        return ""
    if document.expires <= moment:
        return "has ended already"
    is_pause = isinstance(document, Pause)
    most = policy.max_pause_s if is_pause else policy.max_order_s
    held = document.expires - document.not_before
    return "" if 0 < held <= most else f"holds for {held} s, wanted 1 to {most}"
