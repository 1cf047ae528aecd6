"""Which windows of shares count, and against which cap."""

import pytest

from protocol.units import HashesPerSecond, Seconds
from protocol.work.hashrate import HASHES_PER_DIFFICULTY
from proxy.power.evidence.windows import (
    CAP_REACHES_BACK,
    WINDOW,
    WINDOWS,
    Proof,
    ShareEvidence,
)
from proxy.power.link.messages import MinerWork
from proxy.power.machines.share_proof import ShareSum
from tests.unit.power.tables import NOW, later

KNOWN_AFTER = CAP_REACHES_BACK + 2 * WINDOW
"""How long a cap must have held before two windows can be above it."""


def work(shares: int = 1, each: float = 1.0, **more: float) -> MinerWork:
    total = shares * each
    parked, refused = more.get("parked_work", 0.0), more.get("unauthorised_work", 0.0)
    return MinerWork(7, shares, total, total * each, parked, refused)


def hashes(shares: float, seconds: float = WINDOW) -> HashesPerSecond:
    """Return the hashrate that shares of difficulty 1 in one window stand for."""
    return HashesPerSecond(shares * HASHES_PER_DIFFICULTY / seconds)


# windows


def test_a_window_closes_when_its_time_is_up_and_the_next_one_begins() -> None:
    proof = Proof(NOW)
    proof.add(work(3, 2.0))

    seen = [(proof.roll(later(at)), len(proof.windows)) for at in (29.9, 31, 60, 61)]

    assert seen == [(False, 0), (True, 1), (False, 1), (True, 2)]
    assert proof.windows == (
        ShareSum(3, 6.0, 12.0, Seconds(31.0)),
        ShareSum(0, 0.0, 0.0, Seconds(30.0)),
    )


def test_a_window_closes_at_its_thirtieth_second() -> None:
    assert Proof(NOW).roll(later(WINDOW)) is True


def test_ten_minutes_of_windows_are_kept() -> None:
    proof = Proof(NOW)
    for n in range(1, 31):
        proof.add(work(n))
        proof.roll(later(30.0 * n))

    assert WINDOW * WINDOWS == 600
    assert [w.shares for w in proof.windows] == list(range(11, 31))


@pytest.mark.parametrize(
    ("seconds", "shares", "of_s"),
    [(0, 0, 0), (1, 3, 30), (30, 3, 30), (31, 5, 60), (90, 6, 90), (999, 6, 90)],
)
def test_the_last_windows_that_make_up_a_time_are_summed(
    seconds: float, shares: int, of_s: float
) -> None:
    proof = Proof(NOW)
    for n in (1, 2, 3):
        proof.add(work(n))
        proof.roll(later(30.0 * n))
    proof.add(work(100))  # its window is open

    total = proof.over(Seconds(seconds))

    assert (total.shares, total.seconds) == (shares, of_s)


# whose shares


def test_shares_of_strangers_count_apart() -> None:
    evidence = ShareEvidence(NOW)
    evidence.add(work(1), is_known=True, tenant=None)
    evidence.add(work(2), is_known=False, tenant=None)
    evidence.tick(hashes(1), later(30))

    assert [w.shares for w in evidence.site.windows] == [1]
    assert [w.shares for w in evidence.strangers.windows] == [2]
    assert evidence.tenants == {}


def test_shares_of_a_tenant_count_for_the_site_and_for_the_tenant() -> None:
    evidence = ShareEvidence(NOW)
    evidence.tick(hashes(1), later(30))
    evidence.add(work(1), is_known=True, tenant="ann")
    evidence.add(work(2), is_known=True, tenant="bob")
    evidence.add(work(4), is_known=True, tenant="ann")

    assert evidence.tick(hashes(1), later(60)) is True

    assert [w.shares for w in evidence.site.windows] == [0, 7]
    of = {name: [w.shares for w in p.windows] for name, p in evidence.tenants.items()}
    assert of == {"ann": [5], "bob": [2]}
    assert evidence.tenants["ann"].windows[0].seconds == 30.0, "of the site's window"


def test_work_of_parked_machines_adds_up() -> None:
    evidence = ShareEvidence(NOW)
    for _ in range(2):
        evidence.add(
            work(1, parked_work=3.0, unauthorised_work=5.0), is_known=True, tenant=None
        )

    assert evidence.parked_work == 6.0
    assert evidence.unauthorised_work == 10.0


def test_a_look_tells_whether_a_window_has_closed() -> None:
    evidence = ShareEvidence(NOW)

    assert evidence.tick(hashes(1), later(29)) is False
    assert evidence.tick(hashes(1), later(30)) is True
    assert evidence.tick(hashes(1), later(31)) is False


# against which cap


def over(evidence: ShareEvidence, cap: float, seconds: range) -> list[int]:
    """Live under a cap with 1000 shares a second; return when they exceed it."""
    seen = []
    for s in seconds:
        evidence.add(work(1000), is_known=True, tenant=None)
        evidence.tick(hashes(cap), later(s))
        if evidence.exceeds_cap:
            seen.append(s)
    return seen


def test_a_cap_counts_once_it_has_held_for_as_long_as_shares_may_stem_from() -> None:
    evidence = ShareEvidence(NOW)

    seen = over(evidence, 100.0, range(300))

    assert evidence.exceeds_cap is True
    assert seen == list(range(int(KNOWN_AFTER), 300))


def test_shares_under_the_cap_do_not_exceed_it() -> None:
    evidence = ShareEvidence(NOW)

    assert over(evidence, 30_000.0, range(300)) == []
    assert evidence.exceeds_cap is False


def test_no_cap_is_known_before_the_first_look() -> None:
    evidence = ShareEvidence(NOW)

    assert evidence.cap_hs == 0.0
    assert evidence.exceeds_cap is False


def test_the_highest_cap_of_late_rules_until_no_share_can_stem_from_it() -> None:
    evidence = ShareEvidence(NOW)
    looks = [(0, 5.0), (10, 9.0), (20, 9.0), (30, 2.0), (40, 1.0), (50, 3.0)]
    for at, cap in looks:
        evidence.tick(HashesPerSecond(cap), later(at))

    seen = {}
    for at in (60, 269, 270, 279, 280, 281, 300):
        evidence.tick(HashesPerSecond(3.0), later(at))
        seen[at] = evidence.cap_hs

    assert seen == {60: 9.0, 269: 9.0, 270: 3.0, 279: 3.0, 280: 3.0, 281: 3.0, 300: 3.0}


def test_a_cap_that_ends_reaches_back_to_the_moment_that_it_ended() -> None:
    evidence = ShareEvidence(NOW)
    evidence.tick(HashesPerSecond(9.0), NOW)
    evidence.tick(HashesPerSecond(2.0), later(10))

    evidence.tick(HashesPerSecond(2.0), later(9 + KNOWN_AFTER))
    assert evidence.cap_hs == 9.0
    evidence.tick(HashesPerSecond(2.0), later(10 + KNOWN_AFTER))
    assert evidence.cap_hs == 2.0
