"""Every document is judged again: what was taken had its signatures, or it is found."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from protocol.oversight.document import document_id, written
from proxy.power.journal.chain import Event
from proxy.power.journal.effects import Effects
from proxy.verifier.report import Report
from proxy.verifier.signatures import Trusted
from proxy.verifier.verify import Wanted, verify
from tests.documents import HOUR, POLICY, T, allow, limit, policy, revoke, signed
from tests.oversight_logs import SIGNER, Plant

SITE = "hall-a"
Verify = Callable[..., Report]
FIRST = document_id(written(POLICY))


@pytest.fixture
def checked(tmp_path: Path) -> Verify:
    def run(*events: Event, policy_id: str = FIRST) -> Report:
        plant = Plant(tmp_path)
        plant.store.write(SITE, Effects(events=[trusted(), *events]), (), T)  # type: ignore[arg-type]
        plant.publish(plant.writer())
        plant.close()
        trust = Trusted((SIGNER.key,))
        wanted = Wanted(tmp_path / "log", trust, policy_id=policy_id)
        return verify(wanted).report

    return run


def trusted() -> Event:
    raw = written(POLICY)
    body = {"id": FIRST, "document": raw.decode(), "verdict": "trusted"}
    return Event(T - 60.0, SITE, "policy", "policy 1 is trusted by its id", body)


def document(raw: bytes, *names: str, at: float = T, verdict: str = "taken") -> Event:
    made = [{"key": s.key, "value": s.value} for s in signed(raw, *names)]
    body: dict[str, Any] = {"id": document_id(raw), "document": raw.decode()}
    body |= {"signatures": made, "by": [], "keys": list(names)}
    return Event(at, SITE, "document", "", body | {"verdict": verdict})


def budget(watts: float, at: float = T) -> Event:
    return Event(at, SITE, "budget", "", {"rule": "order", "watts": watts})


def meter(*watts: float, at: float = T) -> list[Event]:
    """Return a minute for each of these watts; the first is at `at`."""
    begins = [int(at) + 60 * n for n in range(len(watts))]
    return [
        Event(b + 60.0, SITE, "meter", "", {"from": b, "w": [w] * 60})
        for b, w in zip(begins, watts, strict=True)
    ]


def faults(report: Report) -> list[str]:
    return [f.text for f in report.findings if f.severity == "finding"]


def test_what_the_parties_ordered_and_the_site_did_has_no_findings(
    checked: Verify,
) -> None:
    report = checked(
        budget(350_000.0),
        document(allow(), "plant-1", "grid-1"),
        budget(3_000_000.0, T + 1.0),
        document(limit(1_000_000), "emergency-1", at=T + 60.0),
        budget(1_000_000.0, T + 61.0),
        document(limit(site="b"), "host-1", at=T + 62.0, verdict="refused"),
        document(allow(), "host-1", at=T + 63.0, verdict="pending"),
    )

    assert report.findings == []
    assert report.documents == {"taken": 2, "refused": 1}
    assert report.policy_version == 1


def test_an_order_without_its_signatures_is_found(checked: Verify) -> None:
    report = checked(document(allow(), "host-1", "grid-1"))

    assert "was taken without plant" in faults(report)[0]


def test_an_order_whose_signature_is_of_other_bytes_is_found(checked: Verify) -> None:
    event = document(allow(3_000_000), "plant-1", "grid-1")
    other = document(allow(3_400_000), "plant-1", "grid-1")
    event.body["document"] = other.body["document"]

    assert "may not be" in faults(checked(event))[0]


def test_a_raise_without_a_rule_is_found(checked: Verify) -> None:
    report = checked(budget(350_000.0), budget(3_000_000.0, T + 30.0))

    assert "given 3000000 W where documents allow 350000 W" in faults(report)[0]


def test_an_allow_that_ran_out_allows_nothing_more(checked: Verify) -> None:
    report = checked(
        document(allow(), "plant-1", "grid-1"),
        budget(3_000_000.0, T + 1.0),
        budget(3_000_000.0, T + HOUR + 1.0),
    )

    assert len(faults(report)) == 1


def test_a_revoked_key_takes_its_allow_with_it(checked: Verify) -> None:
    report = checked(
        document(allow(), "plant-1", "grid-1"),
        document(revoke("grid-1"), "grid-2", at=T + 10.0),
        budget(3_000_000.0, T + 11.0),
    )

    assert "where documents allow 350000 W" in faults(report)[0]


def test_a_replayed_order_is_found(checked: Verify) -> None:
    raw = allow()

    report = checked(
        document(raw, "plant-1", "grid-1"),
        document(raw, "plant-1", "grid-1", at=T + 100.0),
    )

    assert "seen before" in faults(report)[0]


def test_an_order_that_had_its_signatures_and_was_not_taken_is_noted(
    checked: Verify,
) -> None:
    report = checked(document(limit(), "grid-1", verdict=""))

    assert report.is_clean
    assert "was not taken" in report.findings[0].text


def test_a_first_policy_is_believed_by_its_id_alone(checked: Verify) -> None:
    raw = written(policy(default_w=3_500_000))

    own_word = checked(policy_id="")
    assert own_word.is_clean
    assert "the site's own word" in own_word.findings[0].text
    other = document_id(raw)
    texts = faults(checked(policy_id=other))
    assert any("was not named" in text for text in texts)
    assert any("no site of this log begins with" in text for text in texts)


def test_documents_without_a_policy_are_found(tmp_path: Path) -> None:
    plant = Plant(tmp_path)
    effects = Effects(events=[document(limit(), "grid-1")])
    plant.store.write(SITE, effects, (), T)  # type: ignore[arg-type]
    plant.publish(plant.writer())
    plant.close()

    report = verify(Wanted(tmp_path / "log", Trusted((SIGNER.key,)))).report

    assert faults(report) == ["a document was taken without any policy"]


@pytest.mark.parametrize("text", ["", "{}", "x"])
def test_a_first_policy_that_is_none_is_found(tmp_path: Path, text: str) -> None:
    plant = Plant(tmp_path)
    body = {"id": FIRST, "document": text, "verdict": "trusted"}
    effects = Effects(events=[Event(T, SITE, "policy", "", body)])
    plant.store.write(SITE, effects, (), T)  # type: ignore[arg-type]
    plant.publish(plant.writer())
    plant.close()

    report = verify(Wanted(tmp_path / "log", Trusted((SIGNER.key,)))).report

    assert "cannot be used" in faults(report)[0]


def test_watts_without_any_budget_row_are_held_against_documents(
    checked: Verify,
) -> None:
    report = checked(*meter(3e6, 3e6))

    assert "120 s that no order explains" in faults(report)[0]


def test_an_allow_that_ran_out_binds_without_a_budget_row(checked: Verify) -> None:
    report = checked(
        document(allow(expires=T + 120), "plant-1", "grid-1"),
        budget(3e6, T + 1.0),
        *meter(3e6, 3e6, 3e6, at=T + 60),
    )

    texts = faults(report)
    assert "was never seen under 350000 W" in texts[0]
    # Thirty seconds are the answer that the site may take.
    assert "90 s that no order explains" in texts[1]


def test_a_limit_that_was_taken_binds_without_a_budget_row(checked: Verify) -> None:
    report = checked(
        document(allow(), "plant-1", "grid-1"),
        budget(3e6, T + 1.0),
        *meter(3e6, at=T + 60),
        document(limit(1_000_000), "grid-1", at=T + 121.0),
        *meter(3e6, 3e6, at=T + 120),
    )

    texts = faults(report)
    assert "was never seen under 1000000 W" in texts[0]
    assert "89 s that no order explains" in texts[1]


def test_a_site_that_follows_documents_before_its_row_has_no_findings(
    checked: Verify,
) -> None:
    report = checked(
        budget(350_000.0, T - 59.0),
        document(allow(expires=T + 120), "plant-1", "grid-1"),
        budget(3e6, T + 1.0),
        *meter(3e6, at=T + 60),
        budget(350_000.0, T + 120.5),
        Event(T + 180.0, SITE, "meter", "", {"from": T + 120, "w": [3e6] * 9 + [3e5]}),
    )

    assert report.findings == []
    assert [(r.at, r.response_s) for r in report.responses] == [(T + 120, 9.0)]


def test_a_policy_that_is_trusted_twice_is_found_and_forgets_no_limit(
    checked: Verify,
) -> None:
    report = checked(
        document(allow(), "plant-1", "grid-1"),
        document(limit(1_000_000), "grid-1", at=T + 1.0),
        evolve(trusted(), at=T + 2.0),
        document(allow(), "plant-1", "grid-1", at=T + 3.0),
        budget(3e6, T + 4.0),
    )

    texts = faults(report)
    assert "is trusted anew, and is not newer" in texts[0]
    assert "where documents allow 1000000 W" in texts[1]


def test_absence_ends_allows_alone(checked: Verify) -> None:
    lower, higher = limit(1_000_000), allow()
    ended = {"ended": [document_id(lower), document_id(higher)]}
    report = checked(
        document(higher, "plant-1", "grid-1"),
        document(lower, "grid-1", at=T + 1.0),
        Event(T + 2.0, SITE, "presence", "", ended),
        document(allow(), "plant-1", "grid-1", at=T + 3.0),
        budget(3e6, T + 4.0),
    )

    texts = faults(report)
    assert "is no allow: absence does not end it" in texts[0]
    assert "where documents allow 1000000 W" in texts[1]


def test_a_newer_policy_that_is_trusted_anew_forgets_no_limit(checked: Verify) -> None:
    raw = written(policy(version=2, default_w=3_000_000))
    body = {"id": document_id(raw), "document": raw.decode(), "verdict": "trusted"}
    report = checked(
        document(limit(1_000_000), "grid-1"),
        Event(T + 1.0, SITE, "policy", "", body),
        budget(3e6, T + 2.0),
        policy_id="",
    )

    assert "where documents allow 1000000 W" in faults(report)[0]


def test_a_budget_that_is_dated_back_into_an_allow_is_found(checked: Verify) -> None:
    report = checked(
        document(allow(expires=T + 60), "plant-1", "grid-1"),
        budget(3e6, T + 1.0),
        budget(350_000.0, T + 60.0),
        *meter(3e5, at=T + 60),
        budget(3e6, T + 59.0 - 10.0),
        *meter(3e5, at=T + 120),
    )

    texts = faults(report)
    assert texts == [
        "71 s older than the row before",
        "hall-a was given 3000000 W where documents allow 350000 W",
    ]


def test_an_allow_that_is_dated_back_is_found_and_allows_nothing(
    checked: Verify,
) -> None:
    late = 2 * HOUR
    report = checked(
        *meter(3e5, at=T + late),
        document(allow(expires=T + 2 * late), "plant-1", "grid-1", at=T + 1.0),
        budget(3e6, T + late + 61.0),
    )

    texts = " ".join(faults(report))
    assert "older than the row before" in texts
    assert "was taken, and may not be" in texts
    assert "where documents allow 350000 W" in texts


def test_another_row_that_is_written_late_is_a_note(checked: Verify) -> None:
    report = checked(
        Event(T + 9.0, SITE, "start", "", {}), Event(T, SITE, "state", "", {})
    )

    assert report.is_clean
    assert report.findings[0].text == "9 s older than the row before"
