"""Policies, each signed by enough of the one before and of its own.

The rules are TUF's for a new root: the version is exactly one more, the threshold of
the old and of the new is met. Whether the old one has expired does not matter: parties
who come late must be able to go on, and they are as many as ever. Source: TUF 1.0.34,
section 5.3.
"""

from collections.abc import Collection

from attrs import define, evolve, field, frozen
from msgspec.structs import replace

from protocol.oversight.document import Key, Policy
from protocol.oversight.rules import (
    PolicyError,
    check_policy,
    is_met,
    missing,
    roles_of,
)


@frozen
class Accepted:
    """A policy of the chain.

    Attributes:
        in_force_from: Unix seconds; 0: since ever.
        signers: Names of the keys that signed it.
    """

    policy: Policy
    id: str
    in_force_from: float = 0.0
    signers: frozenset[str] = frozenset()


@define(eq=False, repr=False)
class PolicyChain:
    """The policies of a site, the first of which is trusted by its id.

    Attributes:
        accepted: In the order of their versions.
        retired: Keys of policies that are no more, by name: no name is used again.
    """

    accepted: tuple[Accepted, ...]
    retired: dict[str, Key] = field(factory=dict)

    @property
    def tip(self) -> Accepted:
        """Return the newest, which may not be in force yet."""
        return self.accepted[-1]

    def in_force(self, moment: float) -> Policy:
        """Return the policy at a moment."""
        found = [one for one in self.accepted if one.in_force_from <= moment]
        return (found or [self.accepted[0]])[-1].policy

    def keys(self, new: Policy | None = None) -> dict[str, Key]:
        """Return every key by its name, those of a policy to come among them."""
        found = dict(self.retired)
        for one in self.accepted:
            found |= one.policy.keys
        return found | (new.keys if new is not None else {})

    def check(self, new: Policy, revoked: Collection[str]) -> None:
        """Look whether a policy may follow, whoever signed it.

        Raises:
            PolicyError: It may not.
        """
        check_policy(new)
        if new.version != self.tip.policy.version + 1:
            last = self.tip.policy.version
            raise PolicyError(f"version {new.version} does not follow {last}")
        known = self.keys()
        for name, key in new.keys.items():
            if name in revoked:
                raise PolicyError(f"key {name} is revoked")
            if name in known and (known[name] != key or not self._is_kept(name)):
                raise PolicyError(f"the name {name} was another key's")

    def needs(
        self, new: Policy, signers: Collection[str], revoked: Collection[str]
    ) -> tuple[str, ...]:
        """Return who must sign `new` yet, by the old policy and by the new."""
        found: list[str] = []
        for policy in (self.tip.policy, new):
            rule = policy.rules["policy"]
            found += missing(rule, roles_of(policy, signers, revoked))
        return tuple(dict.fromkeys(found))

    def append(self, one: Accepted, at: float) -> Accepted:
        """Add a policy that was accepted at `at`; return when it is in force."""
        tip = self.tip
        since = max(at + tip.policy.delay_s, tip.in_force_from)
        added = evolve(one, in_force_from=since)
        self.accepted = (*self.accepted, added)
        return added

    def void_unmet(self, revoked: Collection[str], moment: float) -> None:
        """Void what waits and is no longer signed by enough: that is why it waits.

        What it would have lowered stays: revoking a key raises nothing.

        Args:
            revoked: Names of keys that count no more.
            moment: Now: what is in force stays.
        """
        kept = list(self.accepted[:1])
        is_void = False
        for one in self.accepted[1:]:
            before = kept[-1].policy
            is_signed = all(
                is_met(p.rules["policy"], roles_of(p, one.signers, revoked))
                for p in (before, one.policy)
            )
            # What follows a void one was signed for another one before it.
            is_void |= one.in_force_from > moment and not is_signed
            if is_void:
                self.retired |= one.policy.keys
                one = evolve(one, policy=_lower(before, one.policy))  # noqa: PLW2901
            kept.append(one)
        self.accepted = tuple(kept)

    def _is_kept(self, name: str) -> bool:
        """Tell whether a key is in the newest policy."""
        return name in self.tip.policy.keys


def _lower(old: Policy, new: Policy) -> Policy:
    """Return the old policy with whatever of watts is lower."""
    return replace(
        old,
        default_w=min(old.default_w, new.default_w),
        envelope_w=min(old.envelope_w, new.envelope_w),
    )
