"""Plants, and brokers well and ill, at a signal over MQTT."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from protocol.units import Seconds, UnixTime
from proxy.signals.freshness import Freshness
from proxy.signals.mqtt_orders import MqttOrders, MqttSettings
from proxy.signals.mqtt_ports import Ear, Line
from proxy.signals.pace import MAX_A_SECOND
from tests.fakes.order_desk import BUDGET, FAIL_SAFE, NOW, OrderDesk

LEASE = 30.0


class FakeLine(Line):
    """A broker that is there."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.said: list[tuple[str, dict[str, Any], bool]] = []
        self.is_stopped = False

    @property
    @override
    def name(self) -> str:
        return self._name

    @override
    def start(self, ear: Ear) -> None:
        self.ear = ear

    @override
    async def stop(self) -> None:
        self.is_stopped = True

    @override
    def say(self, topic: str, payload: bytes, *, is_retained: bool = False) -> None:
        self.said.append((topic, json.loads(payload), is_retained))

    def acks(self) -> list[dict[str, Any]]:
        return [body for topic, body, _ in self.said if topic == "ack"]


class Plant:
    """A site with a signal over MQTT, and who publishes to its brokers."""

    def __init__(self, brokers: int = 1, **changes: Any) -> None:
        chosen = {"lease_s": Seconds(LEASE), "max_age_s": Seconds(60.0), **changes}
        self.desk = OrderDesk({"plant": chosen["lease_s"]})
        self.clock = self.desk.clock
        self.settings = MqttSettings("hall-a", "plant", **chosen, budget_w=BUDGET)
        self.brokers = brokers
        self.open()

    def open(self) -> None:
        self.lines = [FakeLine(f"broker {n}") for n in range(self.brokers)]
        self.signal = MqttOrders(
            self.settings, self.lines, self.clock, lambda: self.desk.wall
        )
        self.signal.start(self.desk)

    @property
    def now(self) -> float:
        return NOW + self.clock.seconds()

    def publish(
        self, payload: object, broker: int = 0, *, retained: bool = False
    ) -> dict[str, Any]:
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        self.lines[broker].ear.heard("order", data, is_retained=retained)
        acks = self.lines[broker].acks()
        return acks[-1] if acks else {}

    def order(self, watts: float, broker: int = 0, **more: Any) -> dict[str, Any]:
        given = {"watts": watts, "issued_at": self.now, **more}
        return self.publish({k: v for k, v in given.items() if v is not None}, broker)

    @property
    def watts(self) -> float:
        return float(self.desk.budget.watts)

    @property
    def reasons(self) -> list[str]:
        return [why for _, why, _ in self.desk.refusals]


def test_a_fresh_order_is_in_force_when_it_is_acknowledged() -> None:
    plant = Plant()

    ack = plant.order(600_000, id="a-1")

    assert (ack["taken"], ack["id"], plant.watts) == (True, "a-1", 600_000)


def test_an_order_that_is_said_again_is_kept_once_and_renews_the_lease() -> None:
    plant = Plant()
    for _ in range(60):
        assert plant.order(600_000)["taken"]
        plant.clock.advance(1.0)

    assert (len(plant.desk.taken), plant.watts) == (1, 600_000)


def test_silence_lapses_within_its_second_and_a_fresh_word_ends_it() -> None:
    plant = Plant()
    plant.order(600_000)
    plant.clock.advance(LEASE - 0.1)
    assert plant.watts == 600_000

    plant.clock.advance(0.2)

    assert plant.watts == FAIL_SAFE
    assert plant.order(600_000)["taken"]
    assert plant.watts == 600_000


def test_a_stale_order_raises_nothing_and_renews_nothing() -> None:
    plant = Plant()
    plant.order(600_000)
    plant.clock.advance(20.0)

    for late in (LEASE + 1, 3600.0):
        ack = plant.order(600_000, issued_at=plant.now - late)
        assert not ack["taken"] or len(plant.desk.taken) == 1
        assert not plant.order(700_000, issued_at=plant.now - late)["taken"]

    plant.clock.advance(10.5)
    assert plant.watts == FAIL_SAFE
    assert plant.reasons == ["stale: issued too long ago: it may only lower"]


def test_a_stale_order_lowers_and_is_no_sign_of_life() -> None:
    plant = Plant()
    plant.order(600_000)
    plant.clock.advance(20.0)

    assert plant.order(500_000, issued_at=plant.now - 3600)["taken"]

    assert plant.watts == 500_000
    plant.clock.advance(10.5)
    assert plant.watts == FAIL_SAFE


def test_a_retained_order_raises_nothing_after_a_reconnect() -> None:
    plant = Plant()

    ack = plant.publish({"watts": 900_000}, retained=True)
    assert not ack["taken"]
    assert plant.watts == FAIL_SAFE
    # A second time without a stamp it is no fresher.
    plant.clock.advance(2.0)
    assert not plant.publish({"watts": 900_000}, retained=True)["taken"]
    # Nothing that a broker clears is a word.
    plant.lines[0].ear.heard("order", b"", is_retained=True)
    assert plant.watts == FAIL_SAFE


def test_a_replayed_word_is_not_news() -> None:
    plant = Plant()
    first = plant.now
    plant.order(900_000)
    plant.clock.advance(5.0)
    plant.order(300_000)

    assert not plant.order(900_000, issued_at=first)["taken"]
    assert not plant.order(900_000, issued_at=first + 5)["taken"]
    assert plant.watts == 300_000


def test_a_clock_that_is_ahead_raises_nothing() -> None:
    plant = Plant()
    plant.order(300_000)

    assert not plant.order(900_000, issued_at=plant.now + 3600)["taken"]
    assert plant.order(200_000, issued_at=plant.now + 3600)["taken"]

    plant.clock.advance(1.0)
    assert plant.order(300_000)["taken"]  # the wrong clock has not shut the others out
    assert plant.watts == 300_000


def test_without_a_stamp_the_second_word_raises_not_the_first() -> None:
    plant = Plant()

    assert not plant.order(600_000, issued_at=None)["taken"]
    assert not plant.order(600_000, issued_at=None)["taken"]  # of the same breath
    plant.clock.advance(1.0)

    assert plant.order(600_000, issued_at=None)["taken"]
    assert plant.watts == 600_000


def test_any_fresh_word_of_two_brokers_renews_the_lease() -> None:
    plant = Plant(brokers=2)
    for second in range(60):
        plant.order(600_000, broker=0 if second < 30 else 1)
        plant.clock.advance(1.0)

    assert (plant.watts, len(plant.desk.taken)) == (600_000, 1)


def test_of_two_brokers_that_contradict_each_other_the_lower_word_rules() -> None:
    plant = Plant(brokers=2)
    plant.order(300_000, broker=1)
    for _ in range(20):
        assert plant.order(600_000, broker=0)["taken"]
        assert plant.order(300_000, broker=1)["taken"]
        assert plant.watts == 300_000
        plant.clock.advance(1.0)
    assert len(plant.desk.taken) == 1  # and it is not written down again and again
    # One that is silent for the lease counts no more.
    for _ in range(30):
        plant.order(600_000, broker=0)
        plant.clock.advance(1.0)

    assert plant.watts == 600_000


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"\xff\x00",
        b"null",
        b"[" * 5000,
        b'{"watts": NaN}',
        b'{"watts": "600 kW"}',
        b'{"watts": -1}',
        b'{"watts": 1e9}',
        b'{"watts": 600000, "kw": 600}',
        b'{"watts": 1, "issued_at": "yesterday"}',
        b'{"watts": 1, "issued_at": 1e300}',
        b'{"watts": 1, "for_s": 1, "expires": 1}',
        b'{"watts": 1, "not_before": 2e9, "expires": 1e9, "issued_at": %d}' % NOW,
        b"x" * 100_000,
    ],
)
def test_garbage_changes_nothing_and_is_an_event(garbage: bytes) -> None:
    plant = Plant()
    plant.order(600_000)

    ack = plant.publish(garbage)

    assert not ack["taken"]
    assert ack["reason"]
    assert (plant.watts, len(plant.desk.refusals)) == (600_000, 1)


def test_events_of_refusals_are_bounded() -> None:
    plant = Plant()
    for n in range(500):
        plant.publish(b"%d" % n)
        plant.order(900_000, issued_at=n)

    assert len(plant.desk.refusals) <= 60


def test_more_than_the_contract_is_clipped_and_said() -> None:
    plant = Plant()

    assert plant.order(1.1 * BUDGET, reason="line 2")["taken"]

    assert plant.desk.taken[-1].watts == BUDGET
    assert "more than the contract: line 2" in plant.desk.taken[-1].reason


def test_a_flood_is_refused_and_not_written_down() -> None:
    plant = Plant()
    acks = []
    for n in range(MAX_A_SECOND + 5):
        acks.append(plant.order(500_000 - n)["taken"])
        plant.clock.advance(0.001)

    assert acks == [True] * MAX_A_SECOND + [False] * 5


def test_a_lease_is_renewed_by_a_fresh_word_only() -> None:
    plant = Plant()
    plant.order(600_000)
    stamp = b""
    for _ in range(40):
        plant.clock.advance(1.0)
        stamp = json.dumps({"issued_at": plant.now}).encode()
        plant.lines[0].ear.heard("lease", stamp, is_retained=False)
    assert plant.watts == 600_000

    for _ in range(31):
        plant.clock.advance(1.0)
        plant.lines[0].ear.heard("lease", stamp, is_retained=False)

    assert plant.watts == FAIL_SAFE
    assert plant.reasons == [
        "not newer than what was heard",
        "stale: issued too long ago",
    ]


def test_proto_fleets_target_is_a_percentage_of_the_contract() -> None:
    plant = Plant(format="target_timestamp")

    ack = plant.publish({"target": 0, "timestamp": int(plant.now), "site": "x"})
    assert (ack["taken"], plant.watts) == (True, 0)
    plant.clock.advance(1.0)
    assert plant.publish({"target": 37.5, "timestamp": int(plant.now)})["taken"]
    assert plant.watts == 0.375 * BUDGET
    for wrong in (-1, 100.5, "full", None):
        assert not plant.publish({"target": wrong, "timestamp": plant.now})["taken"]
    assert not plant.publish({"target": 100})["taken"]
    assert plant.watts == 0.375 * BUDGET


def test_what_was_given_before_a_restart_is_no_news_after_it() -> None:
    plant = Plant()
    first = plant.now
    plant.order(900_000)
    plant.clock.advance(5.0)
    plant.order(300_000, id="a")
    plant.open()

    assert not plant.order(900_000, issued_at=first)["taken"]
    assert plant.watts == 300_000
    plant.clock.advance(1.0)
    assert plant.order(300_000, id="a")["taken"]  # and what stands is said again
    assert len(plant.desk.taken) == 2


def test_an_id_that_named_another_order_is_refused() -> None:
    plant = Plant()
    plant.order(300_000, id="a")
    plant.clock.advance(1.0)

    assert plant.order(600_000, id="a")["reason"] == (
        "another order had this id or seq"
    )
    assert plant.watts == 300_000


def test_state_is_retained_and_said_each_second() -> None:
    plant = Plant()
    before = len(plant.lines[0].said)
    for _ in range(5):
        plant.clock.advance(1.0)

    states = [s for s in plant.lines[0].said[before:] if s[0] == "state"]
    assert len(states) == 5
    assert all(is_retained for _, _, is_retained in states)
    assert states[-1][1]["site"] == "hall-a"
    assert states[-1][1]["at"] == plant.now


async def test_nothing_is_heard_once_it_is_stopped() -> None:
    plant = Plant()
    plant.order(300_000)
    await plant.signal.stop()

    assert plant.order(600_000) == plant.lines[0].acks()[-1]
    assert (plant.watts, plant.lines[0].is_stopped) == (300_000, True)


stamps = st.one_of(st.none(), st.floats(-4000.0, 4000.0))
words = st.tuples(
    st.sampled_from(["order", "lease"]),
    st.integers(0, 1),
    st.floats(0.0, 1.1e6),
    stamps,
    st.booleans(),
    st.floats(0.0, 20.0),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(words, max_size=30))
def test_only_a_fresh_word_ever_raises(said: list[Any]) -> None:
    """Whatever brokers hand over: up goes the budget at a fresh word alone."""
    plant = Plant(brokers=2)
    newest = 0.0
    for topic, broker, watts, age, retained, pause in said:
        plant.clock.advance(pause)
        before = plant.watts
        stamp = None if age is None else plant.now - age
        body = {} if stamp is None else {"issued_at": stamp}
        if topic == "order":
            body["watts"] = watts
        data = json.dumps(body).encode()
        plant.lines[broker].ear.heard(topic, data, is_retained=retained)
        stale = stamp is not None and (
            age > LEASE or age < -5.0 or (retained and age > LEASE)
        )
        if stale or (stamp is None and retained):
            assert plant.watts <= before
        newest = max(newest, stamp or 0.0)


def test_a_word_is_judged_by_when_it_was_given() -> None:
    def judge(freshness: Freshness, issued: float | None, now: float) -> str:
        stamp = None if issued is None else UnixTime(issued)
        return freshness.objection(
            stamp, UnixTime(now), Seconds(now), Seconds(30.0), is_retained=False
        )

    freshness = Freshness(Seconds(10.0))

    assert judge(freshness, 1000.0, 1009.0) == ""
    assert judge(freshness, 1001.0, 1012.0).startswith("stale")
    assert judge(freshness, 1000.0, 1010.0).startswith("not newer")
    assert judge(freshness, 1016.0, 1010.0).startswith("issued in the future")
    assert judge(freshness, 1015.0, 1010.0) == ""
