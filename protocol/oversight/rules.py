"""Whose signatures are enough for what: roles are counted, never keys."""

from collections.abc import Collection, Iterable

from protocol.errors import RemoteError
from protocol.oversight.document import KINDS, Clause, Policy
from protocol.oversight.signature import VerifyingKey


class PolicyError(RemoteError):
    """A policy that cannot be used; the message says why."""


def roles_of(
    policy: Policy, names: Iterable[str], revoked: Collection[str] = ()
) -> frozenset[str]:
    """Return whose keys these are; two keys of a role are one party."""
    keys = policy.keys
    return frozenset(keys[n].role for n in names if n in keys and n not in revoked)


def is_met(clauses: Collection[Clause], roles: Collection[str]) -> bool:
    """Tell whether every clause is met; without a clause nothing is."""
    return bool(clauses) and not missing(clauses, roles)


def missing(clauses: Collection[Clause], roles: Collection[str]) -> tuple[str, ...]:
    """Return who must sign yet, for people: "grid or host", "2 of grid, host"."""
    found: list[str] = []
    have = set(roles)
    for clause in clauses:
        short = clause.n - len(set(clause.of) & have)
        left = [role for role in clause.of if role not in have]
        if short == len(left):  # each of them has to: that counts for what follows
            have |= set(left)
        if short == 1:
            found.append(" or ".join(left))
        elif short > 1:
            found.append(f"{short} of {', '.join(left)}")
    return tuple(found)


def check_policy(policy: Policy) -> None:
    """Refuse a policy that nobody could use, or anybody.

    Raises:
        PolicyError: A rule is for nothing, asks for nobody or for more than there are;
            or a key cannot be read, or is there twice.
    """
    if unknown := sorted(set(policy.rules) - set(KINDS)):
        raise PolicyError(f"a rule for {unknown[0]!r}: one of {', '.join(KINDS)}")
    for kind, clauses in policy.rules.items():
        if not clauses or any(not 1 <= c.n <= len(set(c.of)) for c in clauses):
            raise PolicyError(f"the rule for {kind}: nobody can meet it, or anybody")
    if "policy" not in policy.rules:
        raise PolicyError("no rule for policy: it could never be replaced")
    if policy.default_w > policy.envelope_w:
        raise PolicyError("default_w is above envelope_w")
    # One key under two roles would be two parties.
    publics = {key.public for key in policy.keys.values()}
    if len(publics) < len(policy.keys):
        raise PolicyError("a public key stands under two names")
    for name, key in policy.keys.items():
        try:
            VerifyingKey.of(key)
        except RemoteError as error:
            raise PolicyError(f"key {name}: {error}") from error
