"""Signed documents in a whole site: the log, the database, the budget, who asks."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from twisted.internet.defer import Deferred
from typing_extensions import override

from protocol.oversight.document import (
    document_id,
    kind_of,
    read_document,
    written,
)
from protocol.units import Seconds, UnixTime
from proxy.controller.api import ControllerApi
from proxy.power.link.messages import Ask, AskAnswer
from proxy.power.orders.documents import Kept
from proxy.signals.signed.source import SignedDocuments, SignedSettings
from proxy.signals.signed.trust import TrustedPolicy
from tests.documents import allow, lift, limit, policy, revoke, signed
from tests.fakes.power_site import PowerSite
from tests.unit.controller.test_desk import Setups

KW = 1000
FIRST = policy(default_w=50 * KW, envelope_w=200 * KW)
RAW = written(FIRST)
TRUSTED = TrustedPolicy(FIRST, document_id(RAW), RAW)


class Hall(PowerSite):
    """A site whose budget is what parties sign."""

    @override
    def open(self) -> None:
        settings = SignedSettings("hall-a", "signed", TRUSTED)
        self.source = SignedDocuments(settings, self.clock)
        self.signals = [self.source]  # type: ignore[list-item]
        super().open()

    @override
    def run(self, seconds: float, *, renew: bool = False) -> list[float]:
        return super().run(seconds, renew=renew)

    @property
    def budget_w(self) -> float:
        assert self.loop.control.budget is not None
        return self.loop.control.budget.watts

    def times(self, seconds: int = 3600) -> dict[str, int]:
        """Return when a document is issued, begins and ends."""
        now = int(self.wall())
        return {"issued_at": now, "not_before": now, "expires": now + seconds}

    def ask(self, method: str, **params: Any) -> AskAnswer:
        """Ask the controller as an operator does."""
        api = ControllerApi(
            {"hall-a": self.loop},
            self.store,
            lambda: Seconds(self.now),
            self.wall,
            lambda work: work(),
            Setups(),
            Setups(),
        )
        got: list[AskAnswer] = []
        asked = Deferred.fromCoroutine(api.answer(Ask(1, method, params)))
        _ = asked.addCallback(got.append)
        return got[0]

    def send(self, raw: bytes, *signers: str) -> Any:
        """Hand a document in; return the answer."""
        made = [{"key": s.key, "value": s.value} for s in signed(raw, *signers)]
        envelope = {"document": raw.decode(), "signatures": made}
        answer = self.ask("power.document", site="hall-a", envelope=envelope)
        assert not answer.refusal
        return msgspec.json.decode(answer.result)


@pytest.fixture
def hall(tmp_path: Path) -> Hall:
    site = Hall(tmp_path / "c.sqlite3", count=4)
    site.run(5)
    return site


def test_a_site_has_its_default_at_its_first_look(hall: Hall) -> None:
    assert hall.budget_w == 50 * KW
    first = next(
        row for row in hall.store.history(None, 100, 9) if row.kind == "budget"
    )
    assert b"50000" in first.text


def test_parties_rule_the_budget_and_a_restart_changes_nothing(hall: Hall) -> None:
    raw = allow(150 * KW, **hall.times(60))
    assert hall.send(raw, "host-1")["status"] == 202
    assert hall.send(raw, "plant-1")["status"] == 200
    hall.run(2)
    assert hall.budget_w == 150 * KW
    off = hall.send(limit(0, **hall.times()), "emergency-1")["reply"]["id"]
    hall.run(2)
    assert hall.budget_w == 0

    hall.kill()
    hall.open()
    hall.run(2)
    assert hall.budget_w == 0
    assert hall.send(lift(off, issued_at=int(hall.wall())), "plant-1", "grid-1")
    hall.run(2)
    assert hall.budget_w == 150 * KW
    hall.run(60)
    assert hall.budget_w == 50 * KW


def test_what_was_taken_is_a_row_of_the_chain_and_one_of_the_table(hall: Hall) -> None:
    raw = limit(20 * KW, **hall.times())
    reply = hall.send(raw, "grid-1")["reply"]
    row = next(r for r in hall.store.history(None, 100, None) if r.kind == "document")
    body = msgspec.json.decode(row.text)

    assert body["document"] == raw.decode()
    assert body["signatures"][0]["key"] == "grid-1"
    assert (body["verdict"], body["by"], body["id"]) == ("taken", ["grid"], reply["id"])
    kept = hall.store.documents("hall-a")
    assert [(d.id, d.kept, d.leaf) for d in kept] == [
        (TRUSTED.id, Kept.TRUSTED, kept[0].leaf),
        (reply["id"], Kept.TAKEN, row.id),
    ]
    assert hall.store.first_broken() is None


def test_with_a_full_disk_a_limit_holds_and_an_allow_does_not(hall: Hall) -> None:
    pages = hall.store._db.execute("PRAGMA page_count").fetchone()[0]
    hall.store._db.execute(f"PRAGMA max_page_count = {pages}")
    for size in (60_000, 1000, 1):
        filler = {"filler": "x" * size}
        while hall.loop.listener.record("filler", "until the disk is full", filler):
            pass
    more = hall.send(allow(150 * KW, **hall.times()), "plant-1", "grid-1")
    less = hall.send(limit(KW, **hall.times()), "grid-1")
    hall.run(2)
    assert (more["status"], less["status"]) == (409, 409)
    assert hall.budget_w == KW

    hall.store._db.execute("PRAGMA max_page_count = 1000000")
    hall.run(3)
    kinds = [r.kept for r in hall.store.documents("hall-a")]
    assert kinds == [Kept.TRUSTED, Kept.TAKEN]
    hall.kill()
    hall.open()
    hall.run(2)
    assert hall.budget_w == KW


def test_an_operator_lowers_and_never_raises_above_what_parties_say(hall: Hall) -> None:
    hall.ask("power.set", site="hall-a", watts=190.0 * KW)
    hall.run(2)
    assert hall.budget_w == 50 * KW
    hall.ask("power.set", site="hall-a", watts=10.0 * KW)
    hall.run(2)
    assert hall.budget_w == 10 * KW


def test_who_asks_is_told_what_stands_and_who_is_missing(hall: Hall) -> None:
    hall.send(limit(20 * KW, **hall.times()), "grid-1")
    hall.send(allow(150 * KW, **hall.times()), "host-1")
    (view,) = msgspec.json.decode(hall.ask("power.documents").result)

    assert (view["site"], view["budget_w"]) == ("hall-a", 20 * KW)
    assert [(d["kind"], d["by"], d["is_ruling"]) for d in view["standing"]] == [
        ("limit", ["grid"], True)
    ]
    assert [(w["by"], w["needs"]) for w in view["waiting"]] == [(["host"], ["plant"])]
    assert view["policies"][0]["parties"]["grid"] == ["grid-1", "grid-2"]


def test_a_site_without_signed_documents_says_so(tmp_path: Path) -> None:
    site = PowerSite(tmp_path / "c.sqlite3", count=1)
    api = ControllerApi(
        {"hall-a": site.loop},
        site.store,
        lambda: Seconds(site.now),
        site.wall,
        lambda work: work(),
        Setups(),
        Setups(),
    )
    got: list[AskAnswer] = []
    asked = Deferred.fromCoroutine(
        api.answer(Ask(1, "power.documents", {"site": "hall-a"}))
    )
    _ = asked.addCallback(got.append)
    assert got[0].refusal == "hall-a has no signal of kind signed"


def test_what_may_be_forgotten_goes_and_the_rest_stays(hall: Hall) -> None:
    reply = hall.send(limit(20 * KW, **hall.times(60)), "grid-1")["reply"]
    hall.send(revoke("grid-2", issued_at=int(hall.wall())), "grid-1")
    until = hall.wall() + 3600 + 61
    hall.store.forget_documents("hall-a", UnixTime(until - 5))
    assert reply["id"] in {d.id for d in hall.store.documents("hall-a")}
    hall.store.forget_documents("hall-a", UnixTime(until))
    kept = hall.store.documents("hall-a")
    assert [kind_of(read_document(d.body.encode())) for d in kept] == [
        "policy",
        "revoke",
    ]
