"""The log is signed, cosigned by those who answer, and its faults are told."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from protocol.tlog.checkpoint import checkpoint_of
from protocol.tlog.cosignature import verified
from protocol.tlog.note import KeyKind
from protocol.tlog.trust import Trust, trust_of
from protocol.tlog.witnessing import request_of
from protocol.units import Seconds
from proxy.oversight.publisher import Around, Begun, LogPublisher
from proxy.oversight.signing import LogKeyError, Signer, ed25519
from proxy.oversight.witnesses import AskedWitness, WitnessAnswer, WitnessError
from proxy.power.journal.store import StoreError
from tests.oversight_logs import AT, SIGNER, Plant

COSIGNERS = [
    ed25519(f"w{n}.example", KeyKind.COSIGNATURE, bytes([n + 1]) * 32) for n in range(3)
]
POLICY = "".join(
    f"witness w{n} {one.key.text} http://w{n}/\n" for n, one in enumerate(COSIGNERS)
)


class FakeWitness:
    """Cosigns whatever it is asked to, or does as it is told."""

    def __init__(self, signer: Signer) -> None:
        self.signer = signer
        self.asked: list[int] = []
        self.answer: Callable[[], Any] | None = None

    def cosign(self, body: bytes) -> WitnessAnswer:
        request = request_of(body)
        self.asked.append(request.old)
        line = self.signer.line(request.note.text, int(AT))
        return WitnessAnswer(200, line.text.encode())


class FakeHttp:
    """Knows the three witnesses by their names."""

    def __init__(self) -> None:
        self.witnesses = [FakeWitness(one) for one in COSIGNERS]

    async def post(self, url: str, body: bytes) -> WitnessAnswer:
        one = self.witnesses[int(url[8])]
        if one.answer is None:
            return one.cosign(body)
        found = one.answer()
        if isinstance(found, Deferred):
            await found
            return one.cosign(body)
        answer: WitnessAnswer = found
        return answer


class Side:
    """A publisher on a clock of its own."""

    def __init__(self, plant: Plant, quorum: str) -> None:
        self.plant = plant
        self.clock = Clock()
        self.http = FakeHttp()
        self.hung_up = 0
        trust = trust_of((POLICY + quorum).encode())
        self.publisher = self.made(trust)

    def made(self, trust: Trust) -> LogPublisher:
        return LogPublisher(
            lambda: Begun(self.plant.writer(), [SIGNER]),
            trust,
            [AskedWitness(one, self.http) for one in trust.witnesses],
            self.plant.store.publish,
            Around(self._run, self.clock, lambda: AT),
            Seconds(60.0),
            self._hang_up,
        )

    def publish(self) -> bool:
        """Begin to publish; return whether it is done."""
        done = Deferred.fromCoroutine(self.publisher.publish())
        return bool(done.called)

    def cosigners(self) -> list[str]:
        """Return whose cosignatures the checkpoint in the folder carries."""
        note = self.plant.folder.checkpoint()
        assert note is not None
        keys = [SIGNER.key, *(one.key for one in COSIGNERS)]
        return [one.key.name for one in verified(note, keys)]

    async def _run(self, work: Callable[[], Any]) -> Any:
        return work()

    async def _hang_up(self) -> None:
        self.hung_up += 1


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    made = Plant(tmp_path)
    made.write(5)
    yield made
    made.close()


def test_a_checkpoint_carries_the_cosignatures_of_all_who_answer(plant: Plant) -> None:
    side = Side(plant, "group g all w0 w1 w2\nquorum g")

    assert side.publish()

    assert side.cosigners() == [SIGNER.key.name, *(f"w{n}.example" for n in range(3))]
    assert side.publisher.enough is side.publisher.served
    assert side.publisher.fault is None


def test_a_witness_is_given_the_proof_from_what_it_saw_last(plant: Plant) -> None:
    side = Side(plant, "quorum w0")
    for count in (0, 3, 300):
        plant.write(count)
        side.publish()

    assert side.http.witnesses[0].asked == [0, 5, 8]
    assert side.publisher.witnesses[0].size == 308


def test_one_that_hangs_delays_the_checkpoint_by_seconds_and_is_added_later(
    plant: Plant,
) -> None:
    side = Side(plant, "group g 2 w0 w1 w2\nquorum g")
    hung: Deferred[None] = Deferred()
    side.http.witnesses[1].answer = lambda: hung

    assert not side.publish()
    side.clock.advance(5.0)
    assert side.cosigners()[1:] == ["w0.example", "w2.example"]
    plant_size = side.publisher.served
    hung.callback(None)

    assert side.cosigners()[1:] == ["w0.example", "w2.example", "w1.example"]
    assert plant_size is not None
    assert side.publisher.enough is not None


def test_one_that_hangs_is_not_asked_beside_that(plant: Plant) -> None:
    side = Side(plant, "quorum w0")
    asked: list[Deferred[None]] = []

    def hang() -> Deferred[None]:
        asked.append(Deferred())
        return asked[-1]

    side.http.witnesses[1].answer = hang
    side.publish()
    side.clock.advance(5.0)
    for _ in range(3):
        plant.write(1)
        assert side.publish()
        side.clock.advance(10.0)

    assert len(asked) == 1
    assert side.cosigners()[1:] == ["w0.example", "w2.example"]


def test_a_cosignature_that_comes_too_late_is_not_of_the_newest(plant: Plant) -> None:
    side = Side(plant, "quorum w0")
    hung: Deferred[None] = Deferred()
    side.http.witnesses[1].answer = lambda: hung
    side.publish()
    side.clock.advance(5.0)
    plant.write(1)
    side.publish()

    hung.callback(None)

    assert side.cosigners()[1:] == ["w0.example", "w2.example"]


def test_one_that_knows_another_size_is_asked_again_from_there(plant: Plant) -> None:
    side = Side(plant, "quorum w0")
    side.publish()
    plant.write(10)
    one = side.http.witnesses[0]
    side.publisher.witnesses[0].size = 0
    said = iter([WitnessAnswer(409, b"5\n")])

    def answer() -> WitnessAnswer:
        one.answer = None
        return next(said)

    one.answer = answer
    side.publish()

    assert one.asked == [0, 5]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (WitnessAnswer(409, b"900\n"), "it has seen 900 leaves, more than there are"),
        (WitnessAnswer(409, b"many"), "status 409 without a size"),
        (WitnessAnswer(422, b"root differs"), "status 422 root differs"),
        (WitnessAnswer(500, b""), "status 500"),
        (WitnessAnswer(200, b"thanks"), "no cosignature of its key"),
        (
            WitnessAnswer(
                200, COSIGNERS[1].line(b"plant.example/x\n", 1).text.encode()
            ),
            "no cosignature of its key",
        ),
        (
            WitnessAnswer(
                200, COSIGNERS[0].line(b"plant.example/x\n", 1).text.encode()
            ),
            "does not verify",
        ),
    ],
)
def test_what_is_no_cosignature_counts_as_none_and_says_why(
    plant: Plant, answer: WitnessAnswer, why: str
) -> None:
    side = Side(plant, "quorum w0")
    side.http.witnesses[0].answer = lambda: answer

    side.publish()
    side.clock.advance(61.0)

    assert "w0.example" not in side.cosigners()
    assert why in side.publisher.witnesses[0].why
    fault = side.publisher.fault
    assert fault is not None
    assert not fault.is_forked
    assert why in fault.why


def test_one_that_cannot_be_reached_is_asked_less_often(plant: Plant) -> None:
    side = Side(plant, "quorum w0")
    tried: list[float] = []

    def refuse() -> WitnessAnswer:
        tried.append(side.clock.seconds())
        raise WitnessError("refused")

    side.http.witnesses[0].answer = refuse
    for _ in range(300):
        side.publish()
        side.clock.advance(1.0)

    assert tried == [0.0, 10.0, 30.0, 70.0, 130.0, 190.0, 250.0]


def test_late_is_what_enough_have_not_cosigned_for_long_and_ends_with_it(
    plant: Plant,
) -> None:
    side = Side(plant, "group g 2 w0 w1 w2\nquorum g")
    side.publish()
    for one in side.http.witnesses[:2]:
        one.answer = lambda: WitnessAnswer(503, b"away")
    for _ in range(13):
        side.clock.advance(10.0)
        plant.write(1)
        side.publish()
    fault = side.publisher.fault
    assert fault is not None
    assert "w0: status 503 away" in fault.why

    for one in side.http.witnesses:
        one.answer = None
    side.clock.advance(60.0)
    side.publish()

    assert side.publisher.fault is None


def test_a_state_that_stays_the_newest_is_cosigned_anew(plant: Plant) -> None:
    side = Side(plant, "quorum w0")
    for _ in range(13):
        side.publish()
        side.clock.advance(10.0)

    assert side.http.witnesses[0].asked == [0, *[5] * 6], "each third of what is late"
    assert side.publisher.fault is None
    side.http.witnesses[0].answer = lambda: WitnessAnswer(503, b"")
    for _ in range(13):
        side.publish()
        side.clock.advance(10.0)
    assert side.publisher.fault is not None


def test_a_cosignature_of_long_ago_is_served_and_tells_of_nobody_there(
    plant: Plant,
) -> None:
    side = Side(plant, "quorum w0")
    side.publish()
    note = plant.folder.checkpoint()
    assert note is not None
    old = COSIGNERS[0].line(note.text, int(AT) - 86_400)
    side.http.witnesses[0].answer = lambda: WitnessAnswer(200, old.text.encode())
    for _ in range(13):
        side.clock.advance(10.0)
        side.publish()

    assert "w0.example" in side.cosigners()
    assert side.publisher.fault is not None
    assert "w0: its cosignature is of 86400 s" in side.publisher.fault.why


def test_a_fork_stops_all_signing_until_an_operator_begins_anew(plant: Plant) -> None:
    side = Side(plant, "quorum none")
    side.publish()
    plant.write(3)
    plant.store._db.execute("UPDATE event SET body = '{}' WHERE id = 6")

    side.publish()
    plant.write(2)
    side.publish()

    fault = side.publisher.fault
    assert fault is not None
    assert fault.is_forked
    assert fault.row == 6
    note = plant.folder.checkpoint()
    assert note is not None
    assert checkpoint_of(note.text).size == 5
    side.publisher.begin_anew()
    assert side.publisher.fault is None


def test_what_cannot_be_kept_is_not_signed(plant: Plant) -> None:
    side = Side(plant, "quorum none")
    signed: list[object] = []

    def refuse(_: object) -> None:
        raise StoreError("the disk is full")

    side.publisher.keep = refuse
    side.publish()

    assert plant.folder.checkpoint() is None
    assert side.publisher.trouble == "the disk is full"
    side.publisher.keep = signed.append
    side.publish()
    assert len(signed) == 1
    assert side.publisher.trouble == ""


def test_a_key_that_cannot_be_had_is_trouble_and_nothing_else(plant: Plant) -> None:
    side = Side(plant, "quorum none")

    def none() -> Begun:
        raise LogKeyError("log.key: mode 644, wanted 600")

    side.publisher.begin = none
    side.publish()
    side.clock.advance(61.0)

    fault = side.publisher.fault
    assert fault is not None
    assert "mode 644" in fault.why


def test_a_stop_ends_what_still_asks(plant: Plant) -> None:
    side = Side(plant, "quorum w0")
    side.http.witnesses[0].answer = Deferred[None]
    side.publish()

    stopped = Deferred.fromCoroutine(side.publisher.stop())

    assert stopped.called
    assert side.hung_up == 1
