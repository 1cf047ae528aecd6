"""Signed documents at the door of a site: what is answered, kept and handed over."""

import json
from typing import Any

import pytest
from twisted.internet.task import Clock

from protocol.oversight.document import document_id, written
from protocol.oversight.presence import PresenceRule
from protocol.oversight.signature import Signature
from protocol.units import UnixTime
from proxy.power.orders.documents import DocumentRow, Kept
from proxy.signals.signed import book
from proxy.signals.signed.letters import Answer
from proxy.signals.signed.source import SignedDocuments, SignedSettings
from proxy.signals.signed.trust import TrustedPolicy
from tests.documents import (
    HOUR,
    KEYS,
    POLICY,
    T,
    allow,
    key,
    lift,
    limit,
    policy,
    revoke,
    signed,
)
from tests.fakes.signal_listener import FakeListener

MW = 1_000_000
RAW = written(POLICY)
TRUSTED = TrustedPolicy(POLICY, document_id(RAW), RAW)


class Hall:
    """A site with documents, and a listener that outlives it."""

    def __init__(self, presence: PresenceRule | None = None) -> None:
        self.listener = FakeListener()
        self.listener.times = [UnixTime(float(T))]
        self.presence = presence or PresenceRule()
        self.clock = Clock()
        self.start()

    def start(self, trusted: TrustedPolicy = TRUSTED) -> None:
        """Begin, anew if it ran."""
        settings = SignedSettings("hall-a", "signed", trusted, self.presence)
        self.source = SignedDocuments(settings, self.clock)
        self.source.start(self.listener)

    def go_on(self, seconds: float) -> None:
        """Let time pass."""
        self.listener.times = [UnixTime(at + seconds) for at in self.listener.times]
        self.clock.pump([1.0, seconds - 1.0] if seconds > 1 else [1.0])

    def send(self, raw: bytes, *signers: str) -> Answer:
        """Have parties sign, and send it."""
        return self.send_with(raw, signed(raw, *signers))

    def send_with(self, raw: bytes, made: tuple[Signature, ...]) -> Answer:
        """Send a document with signatures."""
        signatures = [{"key": s.key, "value": s.value} for s in made]
        envelope = {"document": raw.decode(), "signatures": signatures}
        return self.source.receive(json.dumps(envelope).encode(), "192.0.2.1")

    @property
    def watts(self) -> float | None:
        """What the orders that were handed over say now."""
        return self.listener.watts_at(min(self.listener.times))

    def bodies(self, verdict: str) -> list[dict[str, Any]]:
        """Return what the log says of documents."""
        return [b for _, _, b in self.listener.events if b.get("verdict") == verdict]


def test_without_a_document_the_site_has_its_default_from_the_start() -> None:
    hall = Hall()
    assert hall.watts == 350_000
    assert [(k, b["verdict"]) for k, _, b in hall.listener.events] == [
        ("policy", "trusted")
    ]
    hall.start()
    assert len(hall.listener.events) == 1


def test_a_document_is_in_the_log_before_it_has_its_effect() -> None:
    hall = Hall()
    order: list[str] = []
    record, take = hall.listener.record, hall.listener.take
    hall.listener.record = lambda *a: (order.append("log"), record(*a))[1]  # type: ignore[method-assign,func-returns-value]
    hall.listener.take = lambda *a, **k: (order.append("orders"), take(*a, **k))[1]  # type: ignore[method-assign,func-returns-value]
    raw = allow()
    answer = hall.send(raw, "plant-1", "grid-1")

    assert order == ["log", "orders"]
    assert (answer.status, answer.reply.taken) == (200, True)
    assert (answer.reply.leaf, answer.reply.origin) == (1, "x/log/1")
    assert answer.reply.id == document_id(raw)
    assert hall.watts == 3 * MW
    (body,) = hall.bodies("taken")
    assert body["document"] == raw.decode()
    assert body["by"] == ["grid", "plant"]
    assert [s["key"] for s in body["signatures"]] == ["plant-1", "grid-1"]


def test_parties_sign_one_after_the_other() -> None:
    hall = Hall()
    raw = allow()
    first = hall.send(raw, "host-1")
    assert (first.status, first.reply.taken) == (202, False)
    assert first.reply.needs == ("plant",)
    assert hall.watts == 350_000
    again = hall.send(raw, "host-1")
    assert again.status == 202

    assert hall.send(raw, "plant-2").status == 200
    assert hall.watts == 3 * MW
    assert not hall.source.book.waiting
    late = hall.send(raw, "grid-1")
    assert (late.status, late.reply.reason) == (409, "seen before")


def test_what_nobody_else_signs_is_forgotten_and_said() -> None:
    hall = Hall()
    hall.send(allow(), "host-1")
    hall.go_on(3601)
    assert not hall.source.book.waiting
    assert "nobody else signed" in hall.listener.events[-1][1]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"", 400),
        (b"[" * 8000, 400),
        (b'{"document":"x","signatures":[]}', 400),
        (b'{"document":"x","signatures":[{"key":"a","value":"b"}]}', 400),
        (b'{"document":"\\ud800","signatures":[{"key":"a","value":"b"}]}', 400),
        (
            json.dumps(
                {"document": "x", "signatures": [{"key": "a", "value": ""}] * 9}
            ).encode(),
            400,
        ),
    ],
)
def test_what_is_no_document_is_400(data: bytes, status: int) -> None:
    hall = Hall()
    answer = hall.source.receive(data, "192.0.2.1")
    assert (answer.status, answer.is_signed) == (status, False)
    assert answer.reply.reason
    assert hall.watts == 350_000


def test_what_is_refused_is_409_and_logged_with_its_text_if_a_party_signed() -> None:
    hall = Hall()
    wrong = limit(expires=T + 2 * 86_400)
    assert hall.send(wrong, "grid-1").status == 409
    forged = hall.send_with(limit(), signed(limit(), "grid-1"))
    assert (forged.status, forged.is_signed) == (409, False)
    assert "does not verify" in forged.reply.reason

    first, second = hall.bodies("refused")
    assert first["document"] == wrong.decode()
    assert "document" not in second


def test_who_sends_what_parties_signed_before_is_a_stranger() -> None:
    hall = Hall()
    taken = limit()
    hall.send(taken, "grid-1")
    for raw in (taken, limit(issued_at=T - 4000), limit(policy=2), limit(site="b")):
        answer = hall.send(raw, "grid-1")
        assert (answer.status, answer.is_signed) == (409, False)
    assert all("document" not in body for body in hall.bodies("refused"))


def test_refusals_do_not_fill_the_log_nor_keep_parties_out_of_it() -> None:
    hall = Hall()
    for _ in range(50):
        hall.send_with(limit(), signed(limit(), "grid-1"))
    hall.send(limit(expires=T + 2 * 86_400), "grid-1")
    assert len(hall.bodies("refused")) == 21
    hall.go_on(60)
    hall.send_with(limit(), signed(limit(), "grid-1"))
    assert hall.bodies("refused")[-1]["not_listed"] == 30


def test_a_refused_document_is_told_of_once_however_often_it_is_sent() -> None:
    hall = Hall()
    wrong = limit(expires=T + 2 * 86_400)
    hall.send_with(wrong, signed(limit(), "grid-1"))  # nobody's signature

    answers = [hall.send(wrong, "grid-1") for _ in range(30)]
    hall.send_with(wrong, signed(limit(), "grid-1"))

    assert {answer.status for answer in answers} == {409}
    # The first one is the party's, whoever sends it again is not.
    assert [answer.is_signed for answer in answers] == [True] + [False] * 29
    assert [b.get("document") for b in hall.bodies("refused")] == [None, wrong.decode()]
    hall.send_with(limit(), signed(limit(), "grid-1"))
    assert hall.bodies("refused")[-1]["not_listed"] == 30


def test_a_key_signs_twenty_documents_an_hour_and_others_go_on() -> None:
    hall = Hall()
    for _ in range(20):
        assert hall.send(limit(MW), "grid-1").status == 200
    answer = hall.send(limit(0), "grid-1")
    assert answer.reply.reason == "grid-1 signs more than 20 an hour"
    assert hall.send(limit(0), "grid-1", "host-1").status == 200
    hall.go_on(3600)
    later = limit(issued_at=T + HOUR, not_before=T, expires=T + 2 * HOUR)
    assert hall.send(later, "grid-1").status == 200


def test_documents_that_wait_are_bounded_for_each_key() -> None:
    hall = Hall()
    for _ in range(8):
        assert hall.send(allow(), "host-1").status == 202
    answer = hall.send(allow(), "host-1")
    assert "8 documents that host-1 signed wait" in answer.reply.reason


def test_documents_that_wait_are_bounded_in_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(book, "MAX_WAITING", 3)
    hall = Hall()
    for name in ("host-1", "grid-1", "grid-2"):
        assert hall.send(allow(), name).status == 202
    answer = hall.send(allow(), "plant-1")
    assert (answer.status, len(hall.source.book.waiting)) == (409, 3)
    assert "3 documents wait already" in answer.reply.reason


def test_a_policy_that_a_stranger_signs_with_keys_of_its_own_is_not_kept() -> None:
    hall = Hall()
    for number in range(30):
        name = f"mallory-{number}"
        raw = written(policy(version=2, keys=KEYS | {name: key(name)}))
        answer = hall.send(raw, name)
        assert (answer.status, answer.is_signed) == (409, False)
    assert not hall.source.book.waiting
    assert not hall.source.book._pace._signed
    assert len(hall.listener.kept) == 1
    assert all("document" not in body for body in hall.bodies("refused"))
    assert len(hall.bodies("refused")) == 20


def test_a_new_key_signs_a_policy_that_a_party_has_signed() -> None:
    hall = Hall()
    keys = {f"{role}-9": key(f"{role}-9") for role in ("plant", "grid", "host")}
    raw = written(policy(version=2, keys=keys))
    assert hall.send(raw, "plant-1", "grid-1", "host-1").status == 202
    answers = [hall.send(raw, name) for name in keys]
    assert [a.status for a in answers] == [202, 202, 200]
    assert not any(a.is_signed for a in answers)


def test_who_sends_again_what_waits_is_answered_and_nothing_is_written() -> None:
    hall = Hall()
    raw = allow()
    first = hall.send(raw, "host-1")
    events, kept = len(hall.listener.events), dict(hall.listener.kept)
    for _ in range(3):
        again = hall.send(raw, "host-1")
        assert (again.status, again.reply) == (first.status, first.reply)
        assert (first.is_signed, again.is_signed) == (True, False)
    assert (len(hall.listener.events), hall.listener.kept) == (events, kept)
    assert hall.send(raw, "grid-1").is_signed
    assert len(hall.listener.events) == events + 1


def test_a_restart_finds_all_that_stood_and_nothing_that_was_ended() -> None:
    hall = Hall()
    hall.send(allow(), "plant-1", "grid-1")
    off = hall.send(limit(0), "emergency-1")
    hall.send(limit(2 * MW), "grid-2")
    hall.send(lift(off.reply.id), "plant-1", "host-1")
    hall.send(revoke("host-1"), "plant-1", "grid-1")
    waiting = allow(MW)
    hall.send(waiting, "plant-1")
    curve = [(o.not_before, o.expires, o.watts) for o in hall.listener.orders]

    hall.start()
    assert [(o.not_before, o.expires, o.watts) for o in hall.listener.orders] == curve
    assert hall.watts == 2 * MW
    assert hall.send(limit(), "host-1").status == 409
    assert hall.send(waiting, "grid-1").status == 200
    assert hall.send(waiting, "grid-1").reply.reason == "seen before"


def test_a_replay_after_a_restart_is_seen() -> None:
    hall = Hall()
    off = limit(0)
    name = hall.send(off, "grid-1").reply.id
    hall.send(lift(name), "plant-1", "grid-1")
    hall.start()
    assert hall.send(off, "grid-1").reply.reason == "seen before"
    assert hall.watts == 350_000


def test_policies_are_followed_over_a_restart() -> None:
    hall = Hall()
    second = policy(version=2, default_w=MW)
    assert hall.send(written(second), "plant-1", "grid-1", "host-1").status == 200
    hall.start()
    assert hall.watts == 350_000
    hall.go_on(86_400)
    assert hall.watts == MW
    hall.start()
    assert hall.watts == MW
    raw = written(second)
    hall.start(TrustedPolicy(second, document_id(raw), raw))
    assert hall.watts == MW


def test_a_policy_of_another_history_stops_the_start() -> None:
    hall = Hall()
    other = policy(default_w=2 * MW)
    raw = written(other)
    with pytest.raises(ValueError, match="names another history"):
        hall.start(TrustedPolicy(other, document_id(raw), raw))


def test_a_newer_policy_may_be_trusted_anew_and_that_is_logged() -> None:
    hall = Hall()
    hall.send(limit(MW), "grid-1")
    other = policy(version=7, default_w=2 * MW)
    raw = written(other)
    hall.start(TrustedPolicy(other, document_id(raw), raw))
    assert hall.listener.events[-1][0] == "policy"
    assert hall.watts == MW
    hall.go_on(HOUR)
    assert hall.watts == 2 * MW
    hall.start(TrustedPolicy(other, document_id(raw), raw))
    assert hall.watts == 2 * MW


@pytest.mark.parametrize("what", ["text", "signature", "id"])
def test_a_kept_allow_that_was_touched_stops_the_start(what: str) -> None:
    hall = Hall()
    name = hall.send(allow(MW), "plant-1", "grid-1").reply.id
    row = hall.listener.kept[name]
    more = row.body.replace("1000000", "3000000")
    touched = {
        "text": DocumentRow(name, more, row.signatures, Kept.TAKEN, T, T + 99, 9),
        "signature": DocumentRow(
            name, row.body, row.signatures.swapcase(), Kept.TAKEN, T, T + 99, 9
        ),
        "id": DocumentRow(
            document_id(more.encode()), more, row.signatures, Kept.TAKEN, T, T + 99, 9
        ),
    }[what]
    hall.listener.kept = {**hall.listener.kept, touched.id: touched}
    with pytest.raises(ValueError, match="kept document"):
        hall.start()


def test_what_cannot_be_written_is_not_done_unless_it_lowers() -> None:
    hall = Hall()
    hall.listener.disk_is_full = True
    raw = allow()
    assert hall.send(raw, "plant-1", "grid-1").status == 409
    assert hall.watts == 350_000
    answer = hall.send(limit(0), "grid-1")
    assert answer.status == 409
    assert "it holds while this controller runs" in answer.reply.reason
    assert hall.watts == 0

    hall.listener.disk_is_full = False
    hall.go_on(2)
    hall.start()
    assert hall.watts == 0
    assert hall.send(raw, "plant-1", "grid-1").status == 200


def test_orders_that_were_refused_are_given_again() -> None:
    hall = Hall()
    hall.listener.refuses = "busy"
    hall.send(limit(0), "grid-1")
    assert hall.watts == 350_000
    hall.listener.refuses = ""
    hall.go_on(1)
    assert hall.watts == 0


def test_an_allow_waits_for_a_party_and_is_taken_when_it_comes() -> None:
    hall = Hall(PresenceRule(raise_needs=1, present_s=600, absent_s=300))
    answer = hall.send(allow(), "plant-1", "grid-1")
    assert answer.status == 202
    assert "witness" in answer.reply.needs[0]
    hall.start()
    hall.listener.witnesses = {"grid": float(T)}
    hall.go_on(2)
    assert hall.watts == 3 * MW

    hall.go_on(900)
    assert hall.watts == 350_000
    assert hall.listener.events[-1][0] == "presence"
    hall.listener.witnesses = {"grid": float(T + 902)}
    hall.start()
    hall.go_on(1)
    assert hall.watts == 350_000


def test_a_clock_that_is_stepped_finds_its_watts() -> None:
    hall = Hall()
    hall.send(allow(not_before=T + 60), "plant-1", "grid-1")
    for at, watts in ((T - 9999, 350_000), (T, 350_000), (T + 60, 3 * MW)):
        hall.listener.times = [UnixTime(float(at))]
        assert hall.watts == watts


def test_stopped_nothing_is_taken() -> None:
    hall = Hall()
    hall.source._listener = None
    assert hall.send(limit(), "grid-1").reply.reason == "stopping"
    assert set(KEYS) >= {"grid-1"}
