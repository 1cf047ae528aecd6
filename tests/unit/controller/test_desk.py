"""What is asked of the controller costs it neither its time nor its link."""

from base64 import b64decode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest
from twisted.internet.defer import Deferred

from protocol.units import Seconds, UnixTime, Watts
from proxy.config import Config
from proxy.controller.api import MAX_ANSWER_BYTES, ControllerApi
from proxy.controller.transparency import LogSide
from proxy.power.journal.chain import Event
from proxy.power.journal.effects import Effects
from proxy.power.journal.store import StoreError
from proxy.power.link.messages import Ask, AskAnswer
from proxy.power.orders.order import Order
from proxy.power.views.show import MAX_ORDERS_SHOWN
from tests.conftest import FlushFailures
from tests.fakes.power_site import PowerSite, connected

AT = UnixTime(1_700_000_000.0)


class Setups:
    """Whoever has the sites under control: it takes on nothing, publishes nothing."""

    log_side: LogSide | None = None

    def check(self, config: Config) -> None:
        raise ValueError(f"{len(config.sites)} sites are too many")

    async def take_on(self, config: Config) -> None:
        raise NotImplementedError


class Office:
    """A desk; what shall run on a thread waits until it is told to."""

    def __init__(self, path: Path) -> None:
        self.site: PowerSite = connected(path / "controller.sqlite3", count=2)
        self.site.run(5)
        self.waiting: list[tuple[Deferred[Any], Callable[[], Any]]] = []
        self.api = ControllerApi(
            {"hall-a": self.site.loop},
            self.site.store,
            lambda: Seconds(self.site.now),
            self.site.wall,
            self._run,
            Setups(),
            Setups(),
        )

    def ask(self, method: str, **params: Any) -> list[AskAnswer]:
        """Return what will hold the answer."""
        got: list[AskAnswer] = []
        asked = Deferred.fromCoroutine(self.api.answer(Ask(1, method, params)))
        _ = asked.addCallback(got.append)
        return got

    def result(self, method: str, **params: Any) -> Any:
        (answer,) = self.ask(method, **params)
        assert not answer.refusal
        assert len(msgspec.json.encode(answer)) <= MAX_ANSWER_BYTES + 1000
        return msgspec.json.decode(answer.result)

    def refusal(self, method: str, **params: Any) -> str:
        (answer,) = self.ask(method, **params)
        return answer.refusal

    def _run(self, work: Callable[[], Any]) -> Deferred[Any]:
        done: Deferred[Any] = Deferred()
        self.waiting.append((done, work))
        return done


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def test_a_check_of_the_log_holds_up_nothing_and_is_one_at_a_time(
    office: Office,
) -> None:
    checked = office.ask("power.history", check=True)

    assert not checked
    assert office.refusal("power.history", check=True).startswith("the log is being")
    assert office.result("power.history", limit=1)["is_checked"] is False
    ((done, work),) = office.waiting
    done.callback(work())
    assert msgspec.json.decode(checked[0].result)["is_checked"] is True
    again = office.ask("power.history", check=True)
    office.waiting[-1][0].callback(None)
    assert not again[0].refusal


def test_a_log_is_checked_on_any_thread_and_not_beyond_its_close(
    office: Office,
) -> None:
    store = office.site.store
    store._db.execute("UPDATE event SET cause = 'another' WHERE id = 3")
    with ThreadPoolExecutor(1) as thread:
        found = thread.submit(store.first_broken).result()
    store.close()

    assert found == 3
    with pytest.raises(StoreError, match="stops"):
        store.first_broken()


def test_a_long_history_comes_in_answers_that_the_link_takes(office: Office) -> None:
    event = Event(AT, "hall-a", "order", "ü" * 256, {"reason": "ü" * 256})
    office.site.store.write("hall-a", Effects(events=[event] * 1500), (), AT)

    first = office.result("power.history", limit=1000)["events"]
    then = office.result("power.history", limit=1000, before=first[-1]["id"])["events"]

    assert 500 < len(first) < 1000
    assert then[0]["id"] == first[-1]["id"] - 1


def test_of_many_orders_those_that_matter_first_are_shown(office: Office) -> None:
    at = office.site.wall()
    orders = [
        Order(
            *("hall-a", Watts(1e5), 5001 - n, "http", at, at, UnixTime(at + n)),
            reason="ü" * 256,
        )
        for n in range(1, 5001)
    ]
    assert office.site.loop.listener.take(orders).is_taken
    office.site.order(5e4)

    (shown,) = office.result("power.show")

    assert shown["orders"][0]["source"] == "operator"
    seqs = [o["seq"] for o in shown["orders"][1:]]
    assert seqs == list(range(5000, 5001 - MAX_ORDERS_SHOWN, -1))
    assert shown["more_orders"] == 5001 - MAX_ORDERS_SHOWN


def test_only_who_is_absent_can_be_forgotten(office: Office) -> None:
    (box, _) = office.site.boxes.values()
    refused = office.refusal("power.forget", site="hall-a", machines="*")
    box.is_on = False
    office.site.disconnect([box])
    office.site.run(200)

    given = office.result("power.forget", site="hall-a", machines="m0.*")

    assert refused == "no machine '*' is absent at hall-a"
    assert given["text"].startswith("1 machines forgotten: budget 200 kW")


def test_what_the_database_cannot_tell_is_refused(office: Office) -> None:
    office.site.store._db.execute("DROP TABLE event")

    assert "no such table" in office.refusal("power.history")


def test_a_dry_run_says_what_rules_once_operators_take_their_orders_back(
    office: Office,
) -> None:
    before = office.result("power.plan", site="hall-a")
    office.result("power.set", site="hall-a", watts=1000.0)

    would = office.result("power.plan", site="hall-a")
    assert (would["budget_w"], would["ruled_by"]) == (
        before["budget_w"],
        before["ruled_by"],
    )
    assert would["ruled_by"]
    orders = office.result("power.show")[0]["orders"]
    assert [one["watts"] for one in orders] == [1000.0], "nothing was taken back"
    assert office.result("power.plan", site="hall-a", watts=1000.0)["ruled_by"] == ""


def test_an_order_is_answered_in_watts_that_people_read(office: Office) -> None:
    given = office.result("power.set", site="hall-a", watts=6_000.0)

    assert given["text"].startswith("order of 6 kW taken")
    assert ": budget 6 kW by " in given["text"]


def test_what_a_map_shows_of_a_machine_is_a_byte_of_each_connection(
    office: Office,
) -> None:
    machine, other = office.site.loop.control.table.machines
    machine.temperature_c, machine.heard_at = 71.4, Seconds(office.site.now)

    found = office.result("power.cells", site="hall-a", what="temperature")

    assert found["miners"] == [*machine.miners, *other.miners]
    assert [*b64decode(found["values"])] == [71, 255]
    assert found["more"] is False
    machine.heard_at = Seconds(office.site.now - 120.0)
    found = office.result("power.cells", site="hall-a", what="temperature")
    assert [*b64decode(found["values"])] == [255, 255], "what it said is old"
    assert office.result("power.cells", site="hall-a", what="efficiency")["values"]


def test_what_fails_is_refused_and_logged(
    office: Office, flush_failures: FlushFailures
) -> None:
    refusal = office.refusal("power.plan", site="hall-a", watts="many")

    assert refusal == "power.plan failed: see the log of the proxy"
    assert flush_failures(TypeError) == 1


@pytest.mark.parametrize(
    ("method", "params"), [("power.off", {}), ("power.show", {"hall": "a"})]
)
def test_what_there_is_not_is_refused(
    office: Office, method: str, params: dict[str, Any]
) -> None:
    assert office.refusal(method, **params) == f"no method {method!r} like this"


def test_a_setup_that_cannot_be_taken_on_is_refused_with_the_reason(
    office: Office,
) -> None:
    site = {"name": "hall-a", "sources": ["main"]}

    answers = office.ask("setup.check", config={"sites": [site]})

    assert answers[0].refusal == "1 sites are too many"


def test_who_did_what_is_a_row_of_the_chain(office: Office) -> None:
    action = {"what": "power.set", "uid": 1000, "params": {"watts": 1e5}}
    for site in ("hall-a", None, "hall-b"):
        office.result("action.note", site=site, who="uid 1000", action=action)

    events = office.result("power.history", limit=50)["events"]
    rows = [event for event in events if event["kind"] == "action"]
    assert [(e["site"], e["cause"]) for e in rows] == [
        ("hall-a", "uid 1000: power.set")
    ] * 2
    assert rows[0]["body"] == action
    assert office.site.store.first_broken() is None
