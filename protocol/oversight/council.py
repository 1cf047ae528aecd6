"""The documents of one site: which are taken, and what they make of its budget.

A document is looked at in this order: size and spelling, site, form, version of the
policy, whether it was seen, when it was issued; then its signatures are verified
(`signature`), and `judge` looks at the rest. What only waits for signatures, or for a
party to be present, is pending: it may be complete later.

    lowers   limit, revoke             taken if the time is right by either clock, where
                                       two are in doubt
    raises   allow, lift, pause        taken if it is right by both

Whether a document raises is a matter of its kind, never of what holds. `judge` changes
nothing; `enact` does, once it has been written down.
"""

from collections.abc import Collection, Mapping

from attrs import define, field

from protocol.oversight import checks
from protocol.oversight.chain import Accepted, PolicyChain
from protocol.oversight.checks import Moments, RefusedError, passing
from protocol.oversight.document import (
    VERSION,
    Allow,
    Bound,
    Lift,
    Limit,
    Pause,
    Policy,
    Revoke,
    Word,
    document_id,
    kind_of,
    read_document,
)
from protocol.oversight.presence import PresenceRule
from protocol.oversight.rules import missing, roles_of
from protocol.oversight.ruling import Heard, Ruling, Verdict
from protocol.oversight.standing import (
    Piece,
    Standing,
    budget_at,
    paused_roles,
    pieces,
)

MAX_SEEN = 100_000
"""Ids of documents that are kept so that none is taken twice: a day of 200 keys at 20
an hour. With more, nothing is taken until some have run out."""

MAX_STANDING_OF_KEY = 150
"""Documents of one key that may hold: seven hours of 20 an hour; 32 keys fit into the
10,000 orders that a site takes of one source, two for each."""


@define(eq=False, repr=False)
class Council:
    """What holds at one site.

    Attributes:
        standing: Limits, allows and pauses by id.
        revoked: Names of keys that count no more.
    """

    site: str
    chain: PolicyChain
    presence: PresenceRule = field(factory=PresenceRule)
    standing: dict[str, Standing] = field(factory=dict, init=False)
    revoked: set[str] = field(factory=set, init=False)
    _seen: dict[str, float] = field(factory=dict, init=False)

    # what is heard

    def hear(self, raw: bytes, moments: Moments) -> Heard:
        """Return a document that is worth looking at its signatures.

        Raises:
            DocumentError: It is none.
            RefusedError: It is not taken, whoever signed it.
        """
        document, name = read_document(raw), document_id(raw)
        if document.site != self.site:
            raise RefusedError(f"for site {document.site!r}, this is {self.site!r}")
        if document.v != VERSION:
            raise RefusedError(f"of form v = {document.v}, wanted {VERSION}")
        if isinstance(document, Policy):
            if any(one.id == name for one in self.chain.accepted):
                raise RefusedError("seen before")
            self.chain.check(document, self.revoked)
            return Heard(name, document, tuple(moments))
        passed = passing(document, moments, self.chain, checks.version)
        if name in self._seen:
            raise RefusedError("seen before")
        passed = passing(document, passed, self.chain, checks.age)
        return Heard(name, document, passed)

    def judge(
        self, heard: Heard, signers: Collection[str], seen: Mapping[str, float]
    ) -> Ruling:
        """Return what becomes of a document that these keys have signed.

        Args:
            heard: As `hear` returned it.
            signers: Names of keys whose signatures verified.
            seen: When each role's witness last cosigned, Unix seconds.

        Raises:
            RefusedError: It is not taken, whoever else may sign it.
        """
        document = heard.document
        if isinstance(document, Policy):
            return self._judge_policy(heard, document, frozenset(signers))
        counting = frozenset(n for n in signers if n not in self.revoked)
        policy = self.chain.in_force(heard.moments[-1])
        roles = roles_of(policy, counting)
        if not roles:
            raise RefusedError("no signature by a key that counts")
        moments = passing(document, heard.moments, self.chain, checks.duration)
        self._check_kind(document, policy, counting, moments)
        needs = self._needs(document, policy, roles)
        is_signed = not needs
        if is_signed and isinstance(document, Allow | Lift):
            needs = self._absent(seen, moments)
        verdict = Verdict.PENDING if needs else Verdict.TAKEN
        until = self._until(document, policy)
        who = counting, roles, needs
        return Ruling(verdict, heard.id, document, *who, until, is_signed)

    def enact(self, ruling: Ruling, at: float) -> None:
        """Let a document that is taken, and written down, have its effect.

        Args:
            ruling: What became of it.
            at: When it was written down, Unix seconds.
        """
        match ruling.document:
            case Policy() as policy:
                one = Accepted(policy, ruling.id, 0.0, ruling.signers)
                self.chain.append(one, at)
                return
            case Lift() as lift:
                for name in lift.lifts:
                    self.standing.pop(name, None)
            case Revoke() as revoke:
                self.revoked |= set(revoke.keys)
                self.chain.void_unmet(self.revoked, at)
            case Limit() | Allow() | Pause() as bound:
                one_more = Standing(ruling.id, bound, ruling.signers, at)
                self.standing[ruling.id] = one_more
        self._seen[ruling.id] = ruling.until

    def remember(self, name: str, until: float) -> None:
        """Take an id for seen."""
        self._seen[name] = until

    def parties(self, names: Collection[str], moment: float) -> frozenset[str]:
        """Return those of keys that count, by a policy that was accepted."""
        keys = self.chain.in_force(moment).keys | self.chain.tip.policy.keys
        return frozenset(n for n in names if n in keys and n not in self.revoked)

    # what holds

    def budget(self, moment: float) -> int:
        """Return B(t) in watts."""
        found = self.standing.values()
        return budget_at(moment, self.chain, found, self.revoked)

    def pieces(self, since: float) -> list[Piece]:
        """Return B(t) from a moment on."""
        return pieces(since, self.chain, self.standing, self.revoked)

    def present(self, seen: Mapping[str, float], moment: float) -> frozenset[str]:
        """Return the roles that are there, or need not be."""
        policy = self.chain.in_force(moment)
        known = {r: at for r, at in seen.items() if r in policy.roles}
        return self.presence.present(known, self._paused(moment, policy), moment)

    def ended_by_absence(self, seen: Mapping[str, float], moments: Moments) -> set[str]:
        """Return ids of allows that end because too few have been there too long."""
        if not all(self._is_absent(seen, t) for t in moments):
            return set()
        return {i for i, s in self.standing.items() if isinstance(s.document, Allow)}

    def end(self, names: Collection[str]) -> None:
        """End documents before their time; their ids stay seen."""
        for name in names:
            self.standing.pop(name, None)

    def prune(self, moments: Moments) -> None:
        """Forget what has run out whatever time it is."""
        now = min(moments)
        for name in [i for i, s in self.standing.items() if s.document.expires <= now]:
            del self.standing[name]
        for name in [i for i, until in self._seen.items() if until <= now]:
            del self._seen[name]

    # checks

    def _check_kind(
        self,
        document: Word,
        policy: Policy,
        signers: Collection[str],
        moments: Moments,
    ) -> None:
        """Refuse what its kind alone forbids."""
        if len(self._seen) >= MAX_SEEN:
            raise RefusedError(f"{MAX_SEEN} documents are remembered: wait")
        if isinstance(document, Lift):
            for name in document.lifts:
                one = self.standing.get(name)
                is_limit = one is not None and isinstance(one.document, Limit)
                if not is_limit:
                    raise RefusedError(f"no limit {name[:8]} stands")
        if isinstance(document, Revoke):
            known = self.chain.keys()
            for name in document.keys:
                if name not in known:
                    raise RefusedError(f"no key {name!r} in the policy")
        if isinstance(document, Pause) and document.role not in policy.roles:
            raise RefusedError(f"no role {document.role!r} in the policy")
        if isinstance(document, Bound):
            self._check_room(signers, min(moments))

    def _check_room(self, signers: Collection[str], moment: float) -> None:
        for name in signers:
            held = sum(
                name in s.signers and s.document.expires > moment
                for s in self.standing.values()
            )
            if held >= MAX_STANDING_OF_KEY:
                raise RefusedError(f"{held} documents of {name} hold: lift some")

    def _needs(
        self, document: Word, policy: Policy, roles: Collection[str]
    ) -> tuple[str, ...]:
        """Return who must sign yet."""
        rule = policy.rules.get(kind_of(document))
        if isinstance(document, Revoke) and self._are_of(roles, document.keys):
            return ()
        if rule is None:
            raise RefusedError(f"policy {policy.version} has no rule for it")
        return missing(rule, roles)

    def _are_of(self, roles: Collection[str], names: Collection[str]) -> bool:
        """Tell whether all these keys are of roles that have signed."""
        known = self.chain.keys()
        return all(name in known and known[name].role in roles for name in names)

    def _absent(self, seen: Mapping[str, float], moments: Moments) -> tuple[str, ...]:
        short = max(self.presence.short(self.present(seen, t)) for t in moments)
        if not short:
            return ()
        age = f"{self.presence.present_s:.0f} s"
        return (f"{short} more whose witness cosigned the log within {age}",)

    def _judge_policy(
        self, heard: Heard, policy: Policy, signers: frozenset[str]
    ) -> Ruling:
        self.chain.check(policy, self.revoked)
        counting = frozenset(n for n in signers if n not in self.revoked)
        roles = roles_of(self.chain.tip.policy, counting)
        # A key counts once a policy that names it was accepted: its own names anybody.
        if not roles:
            raise RefusedError("no signature by a key that counts")
        roles |= roles_of(policy, counting)
        if policy.expires <= max(heard.moments):
            raise RefusedError("the new policy has expired already")
        needs = self.chain.needs(policy, counting, self.revoked)
        verdict = Verdict.PENDING if needs else Verdict.TAKEN
        return Ruling(verdict, heard.id, policy, counting, roles, needs)

    def _until(self, document: Word, policy: Policy) -> float:
        ends = document.expires if isinstance(document, Bound) else 0
        return max(ends, document.issued_at + policy.max_age_s) + policy.skew_s

    def _paused(self, moment: float, policy: Policy) -> frozenset[str]:
        return paused_roles(moment, policy, self.standing.values(), self.revoked)

    def _is_absent(self, seen: Mapping[str, float], moment: float) -> bool:
        policy = self.chain.in_force(moment)
        known = {r: at for r, at in seen.items() if r in policy.roles}
        return self.presence.is_over(known, self._paused(moment, policy), moment)
