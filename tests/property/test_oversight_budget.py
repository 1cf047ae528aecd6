"""No documents, revocations, absences, pauses, clock steps raise without a rule.

Random stories are told to a council, whose budget is looked at as the site does: of
all that the time may be, the lowest. Whenever a moment to come may have more watts than
before, what was just said must be an allow, a lift or a policy that the oracle below,
which shares no code with the council, finds good. Councils that have lost a rule are
caught (`_MUTANTS`), so the stories do reach it.
"""

import os
import random
from collections.abc import Callable, Collection, Mapping
from typing import Any

import pytest
from attrs import define, field
from typing_extensions import override

from protocol.errors import RemoteError
from protocol.oversight import checks
from protocol.oversight.chain import Accepted, PolicyChain
from protocol.oversight.council import Council
from protocol.oversight.document import (
    Allow,
    Bound,
    Lift,
    Limit,
    Pause,
    Policy,
    Revoke,
    Word,
    document_id,
    read_document,
    written,
)
from protocol.oversight.presence import PresenceRule
from protocol.oversight.ruling import Heard, Ruling, Verdict
from protocol.oversight.standing import Piece, Standing
from protocol.units import Seconds, UnixTime
from proxy.power.control.wall_clock import WallClock
from tests.documents import KEYS, T, allow, lift, limit, pause, policy, revoke

STORIES = int(os.environ.get("STORIES", "1000"))
STEPS = 14

_RULE = PresenceRule(raise_needs=1, present_s=600.0, absent_s=900.0)
_FIRST = policy(delay_s=3600, expires=T + 40_000)


class RuleBrokenError(AssertionError):
    """The budget was raised by what must not raise it."""


@define
class Story:
    """A site's parties, their witnesses and its clocks."""

    council: Council
    draw: random.Random
    mono: float = 0.0
    offset: float = float(T)
    clock: WallClock = field(factory=WallClock)
    seen: dict[str, float] = field(factory=dict)
    taken: list[tuple[bytes, tuple[str, ...]]] = field(factory=list)
    ids: set[str] = field(factory=set)
    revoked: set[str] = field(factory=set)
    policies: list[tuple[float, Policy, tuple[str, ...]]] = field(
        factory=lambda: [(0.0, _FIRST, ())]
    )

    weights: list[float] = field(init=False)

    def __attrs_post_init__(self) -> None:
        # Each story has its own drift, so that some are full of pauses, or of lifts.
        self.weights = [self.draw.random() ** 2 for _ in range(6)]

    def moments(self) -> tuple[float, ...]:
        """Return what time it may be."""
        now = Seconds(self.mono)
        return self.clock.moments(now, UnixTime(self.mono + self.offset))

    def tell(self) -> None:
        """Go through one story.

        Raises:
            RuleBrokenError: The budget was raised without its rule.
        """
        self.moments()
        for _ in range(STEPS):
            self.mono += self.draw.choice([1.0, 30.0, 400.0, 1500.0])
            act = self.draw.random()
            if act < 0.15:
                self.offset += self.draw.choice([-7200, -600, 600, 7200, 90_000])
            elif act < 0.35:
                role = self.draw.choice(["plant", "grid", "host", "stranger"])
                self.seen[role] = self.mono + self.offset
            self._absence()
            self._say()

    def _absence(self) -> None:
        moments, before = self.moments(), self._budgets()
        self.council.prune(moments)
        self.council.end(self.council.ended_by_absence(self.seen, moments))
        self._compare(before, None, ())
        for t in moments:
            known = {r: at for r, at in self.seen.items() if r != "stranger"}
            is_long = all(t - at > 1600 for at in known.values())
            if len(moments) == 1 and is_long and not self._has_pause(t):
                allows = (s.document for s in self.council.standing.values())
                if any(isinstance(d, Allow) for d in allows):
                    raise RuleBrokenError("nobody is there, and an allow stands")

    def _say(self) -> None:
        raw, signers = self._document()
        moments, before = self.moments(), self._budgets()
        try:
            heard = self.council.hear(raw, moments)
            ruling = self.council.judge(heard, signers, self.seen)
        except RemoteError:
            return self._compare(before, None, signers)
        if ruling.verdict is not Verdict.TAKEN:
            return self._compare(before, None, signers)
        self.council.enact(ruling, self.mono + self.offset)
        self._compare(before, raw, signers)
        self.taken.append((raw, signers))
        self.ids.add(document_id(raw))
        document = read_document(raw)
        if isinstance(document, Revoke):
            self.revoked |= set(document.keys)
            self._void()
        if isinstance(document, Policy):
            self._check_rule(raw, signers)
            now = self.mono + self.offset
            since = max(now + self._newest().delay_s, self.policies[-1][0])
            self.policies.append((since, document, signers))
        return None

    def _document(self) -> tuple[bytes, tuple[str, ...]]:
        """Return something that somebody says, often not quite right."""
        draw = self.draw
        if self.taken and draw.random() < 0.2:
            return draw.choice(self.taken)
        now = int(self.mono + self.offset)
        begin = now + draw.choice([-600, 0, 300, 3000])
        in_force = self.council.chain.in_force(now).version
        words: dict[str, Any] = {
            "issued_at": now + draw.choice([0] * 9 + [100, -4000, -500]),
            "policy": draw.choice([in_force] * 9 + [1, 2]),
            "site": draw.choice(["hall-a"] * 15 + ["hall-b"]),
        }
        held = draw.choice([60, 600, 3600, 3600, 20_000, 90_000])
        bound = {"not_before": begin, "expires": begin + held}
        watts = draw.choice([0, 200_000, 400_000, 10**6, 3 * 10**6, 5 * 10**6])
        stand = [
            i
            for i, s in self.council.standing.items()
            if isinstance(s.document, Limit) or draw.random() < 0.05
        ]
        names = draw.sample(list(KEYS), draw.choice([1, 2, 2, 3, 4]))
        if draw.random() < 0.3:
            names = ["plant-1", "grid-1"]
        made = [
            lambda: limit(watts, **words, **bound),
            lambda: allow(watts, **words, **bound),
            lambda: lift(draw.choice(stand or ["0" * 64]), **words),
            lambda: pause("grid", watts, **words, **bound),
            lambda: revoke(draw.choice(list(KEYS)), **words),
            self._next_policy,
        ]
        kind = draw.choices(made, self.weights)[0]
        return kind(), tuple(names)

    def _next_policy(self) -> bytes:
        draw = self.draw
        keys = {n: k for n, k in KEYS.items() if draw.random() < 0.9} or KEYS
        version = len(self.council.chain.accepted) + draw.choice([0, 1, 1, 1, 2])
        default = draw.choice([0, 350_000, 10**6])
        ends = int(self.mono + self.offset) + draw.choice([0, 9000, 50_000])
        changes = {"version": version, "keys": keys, "expires": ends}
        return written(policy(delay_s=3600, default_w=default, **changes))

    def _budgets(self) -> dict[float, int]:
        """Return what the site may draw in a while, by how long that is."""
        edges: list[float] = [
            m
            for s in self.council.standing.values()
            for m in (s.document.not_before, s.document.expires)
        ]
        edges += [since for since, _, _ in self.policies]
        moments = self.moments()
        ahead = {0.0, 1.0, 3599.0, 3600.0, 3601.0, 100_000.0}
        ahead |= {e - t for e in edges for t in moments if e > t}
        curves = [self.council.pieces(t) for t in moments]
        return {
            d: min(
                _watts(curve, t + d) for t, curve in zip(moments, curves, strict=True)
            )
            for d in sorted(ahead)
        }

    def _compare(
        self, before: Mapping[float, int], raw: bytes | None, signers: tuple[str, ...]
    ) -> None:
        after = self._budgets()
        for t in self.moments():
            for d in after:
                curve = self.council.pieces(t)
                if _watts(curve, t + d) != self.council.budget(t + d):
                    raise RuleBrokenError("pieces are not the budget")
                break
        raised = [d for d, watts in before.items() if after.get(d, watts) > watts]
        if not raised:
            return
        if raw is None:
            raise RuleBrokenError(f"raised after {raised[0]} s by nothing taken")
        self._check_rule(raw, signers)
        document = read_document(raw)
        if isinstance(document, Policy) and raised[0] < 3600:
            raise RuleBrokenError("a policy before its delay")

    # the oracle

    def _check_rule(self, raw: bytes, signers: tuple[str, ...]) -> None:
        """Refuse what must not have been able to raise."""
        document = read_document(raw)
        good = {n.split("-")[0] for n in signers if n not in self.revoked}
        if isinstance(document, Policy):
            self._check_policy(document, signers)
            return
        assert isinstance(document, Word)
        if not isinstance(document, Allow | Lift):
            raise RuleBrokenError(f"raised by {type(document).__name__}")
        for t in self.moments():
            self._check_time(document, t)
            in_force = self._in_force(t)
            now = {n.split("-")[0] for n in signers if n in in_force.keys}
            good &= now
            if not self._is_there(t):
                raise RuleBrokenError("nobody was there")
        if "plant" not in good or len(good & {"plant", "grid", "host"}) < 2:
            raise RuleBrokenError(f"raised by {good}")
        if document_id(raw) in self.ids:
            raise RuleBrokenError("raised by what was said before")
        if document.site != "hall-a":
            raise RuleBrokenError("raised by what is for another site")

    def _check_time(self, document: Word, t: float) -> None:
        if not t - 3600 <= document.issued_at <= t + 60:
            raise RuleBrokenError("too old, or from the future")
        if t >= self._in_force(t).expires:
            raise RuleBrokenError("its policy has expired")
        if document.policy != self._in_force(t).version:
            raise RuleBrokenError("made under another policy")
        held = (
            document.expires - document.not_before if isinstance(document, Bound) else 1
        )
        if not 0 < held <= 86_400:
            raise RuleBrokenError("for too long")

    def _check_policy(self, new: Policy, signers: Collection[str]) -> None:
        old = self._newest()
        if new.version != old.version + 1:
            raise RuleBrokenError("a policy that does not follow")
        if min(map(len, self._signed(old, new, signers))) < 3:
            raise RuleBrokenError("a policy without three roles")

    def _newest(self) -> Policy:
        return self.policies[-1][1]

    def _void(self) -> None:
        """Forget what waits and has lost its signatures."""
        kept = self.policies[:1]
        for since, one, signers in self.policies[1:]:
            is_waiting = since > self.mono + self.offset
            if (
                is_waiting
                and min(map(len, self._signed(kept[-1][1], one, signers))) < 3
            ):
                break
            kept.append((since, one, signers))
        self.policies = kept

    def _signed(
        self, old: Policy, new: Policy, signers: Collection[str]
    ) -> list[set[str]]:
        """Return whose keys signed, by the old policy and by the new."""
        good = [n for n in signers if n not in self.revoked]
        return [{n.split("-")[0] for n in good if n in p.keys} for p in (old, new)]

    def _in_force(self, t: float) -> Policy:
        return [p for since, p, _ in self.policies if since <= t][-1]

    def _is_there(self, t: float) -> bool:
        known = (at for r, at in self.seen.items() if r != "stranger")
        return self._has_pause(t) or any(t - 600 < at <= t + 60 for at in known)

    def _has_pause(self, t: float) -> bool:
        for s in self.council.standing.values():
            good = {n.split("-")[0] for n in s.signers if n not in self.revoked}
            is_pause = isinstance(s.document, Pause) and s.document.holds_at(t)
            if is_pause and len(good & {"plant", "grid", "host"}) >= 2:
                return True
        return False


def _watts(curve: list[Piece], moment: float) -> int:
    return next(p.watts for p in reversed(curve) if p.start <= moment)


def _council(kind: type[Council] = Council) -> Council:
    chain = PolicyChain((Accepted(_FIRST, document_id(written(_FIRST))),))
    return kind("hall-a", chain, _RULE)


def _story(seed: int, kind: type[Council] = Council) -> Story:
    return Story(_council(kind), random.Random(seed))  # noqa: S311  (a story)


def test_no_story_raises_the_budget_without_its_rule() -> None:
    taken: dict[str, int] = {}
    for seed in range(STORIES):
        story = _story(seed)
        story.tell()
        for raw, _ in story.taken:
            kind = type(read_document(raw)).__name__
            taken[kind] = taken.get(kind, 0) + 1

    # Stories in which nothing is taken would show nothing.
    assert set(taken) == {"Limit", "Allow", "Lift", "Pause", "Revoke", "Policy"}
    assert min(taken.values()) > STORIES // 50


# councils that have lost a rule


class _CountsKeys(Council):
    """Takes two keys of one role for two parties."""

    @override
    def judge(
        self, heard: Heard, signers: Collection[str], seen: Mapping[str, float]
    ) -> Ruling:
        if len(signers) >= 2 and isinstance(heard.document, Allow):
            signers = ("plant-1", "grid-1")
        return super().judge(heard, signers, seen)


class _ForgetsRevoked(Council):
    """Lets revoked keys sign."""

    @override
    def judge(
        self, heard: Heard, signers: Collection[str], seen: Mapping[str, float]
    ) -> Ruling:
        revoked, self.revoked = self.revoked, set()
        ruling = super().judge(heard, signers, seen)
        self.revoked = revoked
        return ruling


class _ForgetsSeen(Council):
    """Takes a document again."""

    @override
    def hear(self, raw: bytes, moments: checks.Moments) -> Heard:
        self._seen.clear()
        return super().hear(raw, moments)


class _NeedsNobody(Council):
    """Raises while nobody is there."""

    @override
    def _absent(
        self, seen: Mapping[str, float], moments: checks.Moments
    ) -> tuple[str, ...]:
        return ()


class _NeverAbsent(Council):
    """Keeps an allow whoever is away."""

    @override
    def ended_by_absence(
        self, seen: Mapping[str, float], moments: checks.Moments
    ) -> set[str]:
        return set()


class _NoDelay(Council):
    """Follows a new policy at once."""

    @override
    def enact(self, ruling: Ruling, at: float) -> None:
        super().enact(ruling, at - 3600 if isinstance(ruling.document, Policy) else at)


class _OneClock(Council):
    """Raises by whichever clock says so."""

    @override
    def hear(self, raw: bytes, moments: checks.Moments) -> Heard:
        return super().hear(raw, moments[:1])


class _AnybodyLifts(Council):
    """Ends limits as easily as it takes them."""

    @override
    def _needs(
        self, document: Word, policy: Policy, roles: Collection[str]
    ) -> tuple[str, ...]:
        if isinstance(document, Lift):
            return ()
        return super()._needs(document, policy, roles)


class _RevokesLimits(Council):
    """Takes a limit away with the key that signed it."""

    @override
    def enact(self, ruling: Ruling, at: float) -> None:
        super().enact(ruling, at)
        gone = [
            i
            for i, s in self.standing.items()
            if isinstance(s.document, Limit | Pause) and s.signers & self.revoked
        ]
        self.end(gone)


def _follows_anybody(patch: pytest.MonkeyPatch) -> type[Council]:
    patch.setattr(PolicyChain, "needs", lambda *_: ())
    return Council


def _without(check: str) -> Callable[[pytest.MonkeyPatch], type[Council]]:
    def lose(patch: pytest.MonkeyPatch) -> type[Council]:
        patch.setattr(checks, check, lambda *_: "")
        return Council

    return lose


def _pauses_count_always(patch: pytest.MonkeyPatch) -> type[Council]:
    counts = Standing.counts

    def always(one: Standing, policy: Policy, revoked: Collection[str]) -> bool:
        return isinstance(one.document, Pause) or counts(one, policy, revoked)

    patch.setattr(Standing, "counts", always)
    return Council


def _lost(kind: type[Council]) -> Callable[[pytest.MonkeyPatch], type[Council]]:
    return lambda _: kind


_MUTANTS: dict[str, Callable[[pytest.MonkeyPatch], type[Council]]] = {
    "keys are counted": _lost(_CountsKeys),
    "revoked keys sign": _lost(_ForgetsRevoked),
    "twice": _lost(_ForgetsSeen),
    "nobody there": _lost(_NeedsNobody),
    "never absent": _lost(_NeverAbsent),
    "no delay": _lost(_NoDelay),
    "one clock": _lost(_OneClock),
    "anybody lifts": _lost(_AnybodyLifts),
    "limits are revoked": _lost(_RevokesLimits),
    "anybody's policy": _follows_anybody,
    "no age": _without("age"),
    "no duration": _without("duration"),
    "no version": _without("version"),
    "pauses of the revoked": _pauses_count_always,
}


@pytest.mark.parametrize("mutant", _MUTANTS)
def test_a_council_that_has_lost_a_rule_is_caught(
    mutant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = _MUTANTS[mutant](monkeypatch)
    with pytest.raises(RuleBrokenError):
        _tell_many(kind)


def _tell_many(kind: type[Council]) -> None:
    for seed in range(3000):
        _story(seed, kind).tell()
