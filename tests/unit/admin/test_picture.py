"""What a screen shows at the sizes that people have."""

import io
from copy import deepcopy
from typing import Any

import pytest
from rich.console import Console

from protocol.units import UnixTime
from proxy.admin.client import AdminError
from proxy.admin.history import PLAIN, PowerHistory
from proxy.admin.look import Happening, Look, Looker, looks
from proxy.admin.picture import Picture
from tests.unit.test_cli import STATUS

COUNTS = {
    "total": 200, "connected": 198, "running": 150, "under_way": 3, "parked_only": 0,
    "silent": 2, "hashing_on": 0, "absent": 0, "unresponsive": 0, "unknown": 0,
}  # fmt: skip
POWER = {
    "budget_w": 8e5, "cap_hs": 4e14, "power_w": 7e5, "power_source": "meter",
    "state": "normal", "ruled_by": "order 7 of plant: dispatch", "alarms": [],
}  # fmt: skip
SIZES = [(80, 24), (120, 40), (200, 50)]


def a_status(sites: int = 1, **power: Any) -> dict[str, Any]:
    status = deepcopy(STATUS)
    site = {**status["sites"][0], **POWER, **power}
    status["sites"] = [{**site, "name": f"hall-{n}"} for n in range(sites)]
    return status


def drawn(
    status: dict[str, Any],
    size: tuple[int, int],
    history: PowerHistory | None = None,
    events: int = 30,
) -> list[str]:
    history = history or PowerHistory()
    for second in range(300):
        history.add({**status, "uptime_s": second})
    happened = [Happening(1.8e9 - n, f"event {n} " + "x" * 200) for n in range(events)]
    machines = {site["name"]: COUNTS for site in status["sites"]}
    out = io.StringIO()
    console = Console(file=out, width=size[0], height=size[1])
    console.print(Picture(Look(status, machines, tuple(happened)), history))
    return out.getvalue().splitlines()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("sites", [1, 3, 40])
def test_it_fills_the_screen_and_no_more(size: tuple[int, int], sites: int) -> None:
    lines = drawn(a_status(sites), size)

    assert len(lines) == size[1]
    assert max(map(len, lines)) <= size[0]


def test_what_few_events_leave_is_the_charts() -> None:
    lines = drawn(a_status(), (200, 50), events=3)

    assert len(lines) == 50


@pytest.mark.parametrize("size", SIZES)
def test_all_that_matters_is_there_and_uncut(size: tuple[int, int]) -> None:
    text = "\n".join(drawn(a_status(), size))

    for word in ("800 kW", "200 TH/s", "now╵", "LAST EVENTS", "event 0", "UNDER WAY"):
        assert word in text
    assert "UNKNOWN" not in text  # no machine is


def test_on_a_narrow_screen_a_node_shows_the_end_of_its_tip() -> None:
    tip = "0" * 56 + "0123abcd"
    node = {"name": "regtest", "state": "up", "height": 7, "tip": tip}
    status = {**a_status(), "nodes": [node]}

    assert any("regtest" in line and "0123abcd" in line
               for line in drawn(status, (80, 24)))  # fmt: skip
    assert any(tip in line for line in drawn(status, (120, 40)))


def test_of_many_alarms_a_screen_shows_some_and_counts_the_others() -> None:
    lines = drawn(a_status(alarms=[f"10.0.0.{n}: no shares" for n in range(50)]),
                  (80, 24))  # fmt: skip

    assert sum("ALARM" in line for line in lines) == 6
    assert " and 44 alarms more" in lines


def test_a_plain_terminal_gets_nothing_that_it_cannot_show() -> None:
    for size in SIZES:
        "\n".join(drawn(a_status(), size, PowerHistory(PLAIN))).encode("ascii")


def test_what_changed_between_two_looks_is_an_event() -> None:
    looker = Looker(lambda: UnixTime(1.8e9))
    before, after = a_status(), a_status()
    after["pools"][0] |= {"state": "lost", "reason": "no route\x1b[2J"}
    after["blocks"] = {"found": 4, "accepted": 1}
    after["sites"][0]["source"] = None
    looker.look(before)

    assert [event.text for event in looker.look(after).events] == [
        "block 3 found",
        "block 4 found",
        "source hall-0 main -> none",
        "pool main ready -> lost: no route\\u001b[2J",
    ]
    assert len(looker.look(after).events) == 4


def test_the_controllers_log_is_asked_for_now_and_then() -> None:
    asked: list[str] = []
    page = [
        {"at": 5.0, "site": "hall-0", "kind": "order", "cause": "dispatch", "body": {}},
        {"at": 6.0, "site": "hall-0", "kind": "cap", "cause": "0 W", "body": {}},
    ]

    def ask(method: str, params: dict[str, Any]) -> Any:
        asked.append(method)
        shown = [{"site": "hall-0", "machines": COUNTS}]
        answers = {"power.show": shown, "power.history": {"events": page}}
        return answers.get(method, a_status())

    look = looks(ask, lambda: UnixTime(0.0))
    first, *_ = [look() for _ in range(5)]

    assert asked.count("status") == 5
    assert asked.count("power.show") == asked.count("power.history") == 1
    assert [event.text for event in first.events] == ["hall-0 order: dispatch"]
    assert first.machines == {"hall-0": COUNTS}


def test_a_controller_that_is_away_takes_nothing_else_with_it() -> None:
    def ask(method: str, params: dict[str, Any]) -> Any:
        if method == "status":
            return a_status()
        raise AdminError("the site controller is not there")

    found = looks(ask, lambda: UnixTime(0.0))()

    assert (found.machines, found.events) == ({}, ())
