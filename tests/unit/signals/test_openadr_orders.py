from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from typing_extensions import override

from protocol.openadr.caps import Rules
from protocol.units import Seconds
from proxy.power.control.wall_clock import SteadyClock
from proxy.signals.http_client import Answer
from proxy.signals.openadr_orders import OpenAdrOrders, OpenAdrSettings
from proxy.signals.openadr_session import VtnAccess, VtnSession
from proxy.signals.openadr_vtn import MAX_EVENTS, Vtn
from tests.fakes.order_desk import BUDGET, FAIL_SAFE, OrderDesk
from tests.fakes.vtn import KNOWN, FakeVtn

LEASE, POLL = Seconds(30.0), Seconds(10.0)
URL = "https://vtn.example"


class Rig:
    """A site that asks a fake server, on a virtual clock."""

    def __init__(self, **settings: Any) -> None:
        self.desk = OrderDesk({"utility": LEASE})
        self.skew = 0.0
        self.is_running = False
        self.vtn = FakeVtn(lambda: self.desk.wall + self.skew)
        self.program = self.vtn.answer(
            "utility", "POST", "/programs", b'{"programName":"capacity"}'
        )[1]
        clock = self.desk.clock
        told: dict[str, Any] = {
            "site": "hall-a",
            "name": "utility",
            "lease_s": LEASE,
            "max_age_s": Seconds(60.0),
            "poll_s": POLL,
            "report_s": Seconds(60.0),
            "url": URL,
            "program": "capacity",
            "rules": Rules("ven-1", BUDGET, FAIL_SAFE),
        }
        access = VtnAccess(
            URL, f"{URL}/auth/token", KNOWN.client_id, KNOWN.client_secret
        )
        wall = SteadyClock(lambda: self.desk.wall, clock.seconds)
        http: Any = self.vtn
        self.signal = OpenAdrOrders(
            OpenAdrSettings(**told | settings),
            Vtn(VtnSession(access, http, clock), wall),
            clock,
            wall,
        )

    def start(self) -> "Rig":
        self.is_running = True
        self.signal.start(self.desk)
        return self

    def stop(self) -> None:
        if self.is_running:
            self.is_running = False
            stopped = Deferred.fromCoroutine(self.signal.stop())
            assert stopped.called

    def event(self, kilowatts: Any = 400.0, **more: Any) -> dict[str, Any]:
        kind = more.pop("kind", "IMPORT_CAPACITY_LIMIT")
        described = {"payloadType": kind, "units": "KW"}
        return self.vtn.post(
            {
                "objectType": "EVENT",
                "programID": self.program["id"],
                "payloadDescriptors": [described],
                "intervalPeriod": {
                    "start": "2025-01-01T00:00:00Z",
                    "duration": "P9999Y",
                },
                "intervals": [
                    {"id": 0, "payloads": [{"type": kind, "values": [kilowatts]}]}
                ],
            }
            | more
        )

    def after(self, seconds: float) -> float:
        """Return the budget in force once so much time has passed."""
        for _ in range(int(seconds * 2)):
            self.desk.clock.advance(0.5)
        return self.watts

    @property
    def watts(self) -> float:
        return self.desk.budget.watts

    @property
    def why(self) -> list[str]:
        return [why for _, why, _ in self.desk.refusals]


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig()
    yield rig
    rig.stop()


def test_a_site_waits_for_a_word_then_has_its_contract(rig: Rig) -> None:
    assert rig.watts == FAIL_SAFE

    rig.start()

    assert rig.watts == BUDGET
    assert rig.vtn.objects["vens"][0]["venName"] == "ven-1"


def test_an_event_is_in_force_with_the_next_look_and_cancelled_by_absence(
    rig: Rig,
) -> None:
    rig.start()
    event = rig.event(400)

    assert rig.after(POLL + 1) == 400_000
    rig.vtn.objects["reports"].clear()
    assert rig.vtn.cancel(event) == 200
    assert rig.after(POLL + 1) == BUDGET
    assert rig.why == []


def test_an_event_that_is_to_come_holds_from_its_start_to_its_end(rig: Rig) -> None:
    start = "2025-11-24T16:01:40Z"  # 100 s from now
    rig.event(400, intervalPeriod={"start": start, "duration": "PT1M"})
    rig.start()

    assert rig.after(99) == BUDGET
    assert rig.after(2) == 400_000
    assert rig.after(60) == BUDGET


def test_looking_renews_the_lease_and_silence_lapses_it(rig: Rig) -> None:
    rig.event(400)
    rig.start()
    assert rig.after(300) == 400_000

    rig.vtn.silent = True

    assert rig.after(LEASE - POLL - 1) == 400_000
    assert rig.after(POLL + 2) == FAIL_SAFE
    assert rig.after(300) == FAIL_SAFE
    rig.vtn.silent = False
    assert rig.after(POLL + 1) == 400_000


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, b"garbage"),
        Answer(200, b'{"events":[]}'),
        Answer(200, b"[" * 100_000),
        Answer(500, b"[]"),
        Answer(503, b"", {"retry-after": "5"}),
        Answer(429, b"", {"retry-after": "86400"}),
        Answer(301, b"", {"location": "https://elsewhere"}),
        Answer(403, b"no"),
        Answer(401, b"who?"),
    ],
)
def test_a_server_that_says_something_else_lapses_and_never_raises(
    rig: Rig, answer: Answer
) -> None:
    rig.event(50)
    rig.start()
    assert rig.watts == 50_000

    rig.vtn.override["/events"] = answer

    for _ in range(120):
        assert rig.after(1) <= 50_000
    assert "utility" in rig.desk.budget.lapsed
    assert rig.why
    assert len(rig.why) < 10
    rig.vtn.override.clear()
    assert rig.after(POLL + LEASE) == 50_000
    assert not rig.desk.budget.lapsed


def test_a_server_that_is_busy_is_asked_again_within_the_lease(rig: Rig) -> None:
    rig.start()
    rig.vtn.asked.clear()
    rig.vtn.override["/events"] = Answer(503, b"")

    rig.after(POLL + 15)

    assert sum(one.startswith("GET /events") for one in rig.vtn.asked) >= 4


def test_a_clock_that_is_off_is_an_alarm_and_beyond_the_age_only_lowers(
    rig: Rig,
) -> None:
    event = rig.event(400)
    rig.start()
    rig.skew = 30.0
    assert rig.after(POLL + 1) == 400_000
    assert 28 <= (rig.desk.skews[-1][1] or 0) <= 30

    rig.skew = -3600.0
    rig.event(300)
    assert rig.after(POLL + 1) == 300_000
    rig.vtn.objects["events"].clear()
    assert rig.after(5) == 300_000
    assert rig.after(LEASE) == FAIL_SAFE
    assert "behind ours" in rig.why[0]

    rig.skew = 0.0
    assert rig.after(POLL + 1) == BUDGET
    assert rig.desk.skews[-1] == ("utility", None)
    assert event


def test_a_late_word_that_lowers_is_no_sign_of_life(rig: Rig) -> None:
    rig.event(400)
    rig.start()
    rig.skew = -3600.0

    rig.after(POLL + 5)
    rig.event(300)  # a late word within the lease

    assert rig.after(POLL) == 300_000
    assert rig.after(LEASE - POLL - 15 + 2) == FAIL_SAFE


def test_a_late_word_raises_nothing_before_any_other_was_heard(rig: Rig) -> None:
    rig.event(400)
    rig.skew = -3600.0
    rig.start()

    assert rig.after(120) == FAIL_SAFE
    rig.event(50)
    assert rig.after(POLL + 1) == 50_000


def test_an_old_answer_that_is_played_again_raises_nothing(rig: Rig) -> None:
    rig.start()
    old = Answer(200, b"[]", {"date": "Mon, 24 Nov 2025 16:00:00 GMT"})
    rig.event(400)
    assert rig.after(POLL + 1) == 400_000

    rig.vtn.override["/events"] = old

    assert rig.after(LEASE - POLL) == 400_000
    assert rig.after(LEASE) == FAIL_SAFE


def test_without_dates_a_second_answer_raises(rig: Rig) -> None:
    rig.vtn.has_dates = False
    rig.start()

    assert rig.watts == FAIL_SAFE
    assert rig.after(POLL + 1) == BUDGET


def test_a_limit_that_cannot_be_read_holds_up_a_rise_and_is_told_once(
    rig: Rig,
) -> None:
    low = rig.event(400)
    rig.start()
    rig.event(9e9)
    rig.after(POLL + 1)
    rig.vtn.objects["reports"].clear()
    rig.vtn.cancel(low)

    assert rig.after(300) == 400_000
    assert len(rig.why) == 1
    rig.vtn.objects["events"].clear()
    assert rig.after(POLL + 1) == BUDGET


def test_a_limit_that_cannot_be_read_keeps_a_new_site_at_its_fail_safe(
    rig: Rig,
) -> None:
    rig.event("low")
    rig.start()

    assert rig.after(60) == FAIL_SAFE


def test_what_stood_before_a_restart_holds_until_a_fresh_word(rig: Rig) -> None:
    rig.event(400)
    rig.start()
    later = Rig()
    later.desk = rig.desk
    later.vtn.silent = True
    later.start()

    assert later.after(10) == 400_000
    later.stop()


def test_a_token_is_had_anew_when_it_is_not_taken_any_more(rig: Rig) -> None:
    rig.start()
    rig.vtn.tokens[KNOWN.client_id] = "another"
    rig.event(400)

    assert rig.after(POLL + 1) == 400_000
    assert rig.vtn.asked.count("POST /auth/token") == 2


def test_wrong_credentials_are_told_and_not_the_secret() -> None:
    rig = Rig()
    rig.vtn.override["/auth/token"] = Answer(401, b'{"error":"invalid_client"}')
    rig.start()

    assert rig.after(20) == FAIL_SAFE
    assert "invalid_client" in rig.why[0]
    assert KNOWN.client_secret not in str(rig.desk.refusals)
    rig.stop()


def test_more_pages_are_read_as_one_list(rig: Rig) -> None:
    for n in range(120):
        rig.event(600 + n)
    rig.event(400)
    rig.start()

    assert rig.watts == 400_000
    assert "121 events" in rig.desk.described["utility"]


def test_an_event_that_is_cancelled_between_two_pages_hides_no_other(
    rig: Rig,
) -> None:
    for n in range(10):
        rig.event(600 + n)
    rig.event(400)  # the second on the second page, of which the first is known
    for n in range(50):
        rig.event(700 + n)
    rig.start()
    assert rig.watts == 400_000

    def cancel(asked: str) -> None:
        if "skip=49" in asked:
            del rig.vtn.objects["events"][0]

    rig.vtn.between = cancel
    for _ in range(4):  # each look finds the list torn
        assert rig.after(POLL) == 400_000
    rig.vtn.between = lambda _: None
    assert rig.after(POLL + 1) == 400_000
    assert rig.why == []


def test_more_events_than_there_is_room_for_are_no_word(rig: Rig) -> None:
    rig.start()
    for _ in range(MAX_EVENTS + 1):
        rig.event(400)

    assert rig.after(POLL + LEASE + 1) == FAIL_SAFE
    assert f"more than {MAX_EVENTS} events" in rig.why[0]


def test_events_for_others_are_left_to_them_until_we_are_targeted(rig: Rig) -> None:
    rig.event(400, targets=["hall-b"])
    rig.start()
    assert rig.after(POLL + 1) == BUDGET

    rig.vtn.objects["vens"][0]["targets"] = ["hall-b"]

    assert rig.after(POLL + 1) == 400_000


def test_a_programme_that_is_not_there_is_no_word() -> None:
    rig = Rig(program="other").start()

    assert rig.after(60) == FAIL_SAFE
    assert "no program 'other'" in rig.why[0]
    rig.stop()


def test_an_order_that_cannot_be_kept_does_not_renew(rig: Rig) -> None:
    rig.event(400)
    rig.start()
    rig.desk.refuses = "it could not be written down"
    rig.event(300)

    assert rig.after(POLL + LEASE + 1) == FAIL_SAFE
    assert "written down" in rig.why[0]


def test_a_price_is_shown(rig: Rig) -> None:
    described = [{"payloadType": "PRICE", "units": "KWH", "currency": "EUR"}]
    rig.event(0.081, kind="PRICE", payloadDescriptors=described)
    rig.start()

    assert rig.watts == BUDGET
    assert "price 0.081 EUR/KWH" in rig.desk.described["utility"]


def test_a_notice_calls_for_a_look_at_once(rig: Rig) -> None:
    rig.start()
    rig.after(2)
    rig.event(400)

    rig.signal.wake()

    assert rig.after(1) == 400_000


def test_a_flood_of_notices_calls_for_no_more_than_two_looks_a_second(rig: Rig) -> None:
    rig.start()
    rig.vtn.asked.clear()

    for _ in range(100):
        rig.signal.wake()
        rig.desk.clock.advance(0.1)

    assert sum("GET /events" in one for one in rig.vtn.asked) <= 21


class Ticking(Clock):
    """Goes on by 30 ms each time that it is looked at."""

    @override
    def seconds(self) -> float:
        self.rightNow += 0.03
        return self.rightNow


def test_a_long_list_is_read_in_slices(rig: Rig) -> None:
    for n in range(5):
        rig.event(600 + n)
    clock = Ticking()
    rig.signal._clock = clock
    rig.start()
    assert rig.watts == FAIL_SAFE

    for _ in range(5):
        clock.advance(0)

    assert rig.watts == 600_000
