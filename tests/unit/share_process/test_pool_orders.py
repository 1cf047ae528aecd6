"""Pools preferred and disabled by hand, at a site in memory."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from twisted.logger import capturedLogs, formatEvent

from proxy.admin.operations import Operations
from proxy.admin.pool_orders import PoolOperations
from proxy.admin.refused import Refused
from proxy.admin.render_sources import why_not
from tests.fakes.running import POOL, Running, config_of

POOLS = [{**POOL, "name": name} for name in ("main", "backup", "third")]
SOURCES = {"sources": ["main", "backup"], "fail_back_s": 5}
Start = Callable[..., Running]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    begun: list[Running] = []

    def begin(site: dict[str, Any] = SOURCES, *, ready: str = "main backup") -> Running:
        running = Running(tmp_path, config_of(site, POOLS))
        begun.append(running)
        for name in ready.split():
            running.give_work(name)
        running.pass_time(3)  # a layout is decided, groups are open
        for name in ready.split():
            running.give_work(name)
        running.pass_time(6)
        return running

    yield begin
    for one in begun:
        one.stop()


def orders(running: Running) -> PoolOperations:
    return PoolOperations(cast("Any", running))


def source(running: Running) -> str | None:
    return running.factories["hall-a"].context.board.source_name


def test_a_disabled_pool_is_left_at_once_and_hung_up_on(start: Start) -> None:
    running = start()
    assert source(running) == "main"

    done = orders(running).disable("main")

    assert done.text == ("main is disabled until `pool enable`; hall-a mines on backup")
    assert source(running) == "backup"
    running.pass_time(12)  # shares on their way had their time
    assert running.pools["main"].link_count == 0


def test_an_enabled_one_is_gone_back_to_once_it_is_steady(start: Start) -> None:
    running = start()
    orders(running).disable("main")
    running.pass_time(12)

    assert orders(running).enable("main").text == (
        "main is disabled no more; hall-a mines on backup"
    )
    running.give_work("main")
    running.pass_time(3)
    assert source(running) == "backup", "not before fail_back_s"
    running.pass_time(4)
    assert source(running) == "main"


def test_a_preferred_pool_that_is_warm_is_mined_on_at_once(start: Start) -> None:
    running = start()

    orders(running).prefer("backup")

    assert source(running) == "backup"
    orders(running).enable("backup")
    assert source(running) == "main"


def test_it_ends_by_itself(start: Start) -> None:
    running = start()
    orders(running).prefer("backup", for_s=60.0)
    running.pass_time(58)
    assert source(running) == "backup"
    running.pass_time(3)

    assert source(running) == "main"


def test_a_restart_begins_with_what_was_held(start: Start) -> None:
    orders(start()).disable("main")

    again = start(ready="backup")

    assert source(again) == "backup"
    assert again.pools["main"].link_count == 0, "nobody asks it how much room it has"


def test_the_last_usable_source_asks_for_yes(start: Start) -> None:
    running = start(ready="main")

    with pytest.raises(Refused, match=r"miners of hall-a would have no work: .* --yes"):
        orders(running).disable("main")
    assert source(running) == "main"
    with capturedLogs() as logged:
        done = orders(running).disable("main", yes=True)

    assert done.text.startswith("main is disabled until")
    alarms = [formatEvent(e) for e in logged if e["log_namespace"] == "proxy.alarm"]
    assert alarms == ["main is disabled by hand: hall-a may have no work"]


def test_a_site_whose_only_source_is_disabled_stands_until_it_is_enabled(
    start: Start,
) -> None:
    running = start({"sources": ["main"], "fail_back_s": 5}, ready="main")

    orders(running).disable("main", yes=True)
    running.pass_time(45)
    assert source(running) is None
    orders(running).enable("main")
    running.pass_time(1)
    running.give_work("main")

    assert source(running) == "main"


def test_a_tenants_route_counts_for_itself(start: Start) -> None:
    routes = [{"workers": "acme.*", "sources": ["third"]}]
    running = start({**SOURCES, "routes": routes}, ready="main backup third")

    with pytest.raises(Refused, match=r"miners of hall-a \(acme\.\*\) would"):
        orders(running).disable("third")
    orders(running).disable("main")


def test_a_name_that_nobody_mines_on_is_refused(start: Start) -> None:
    running = start()

    for method in (orders(running).prefer, orders(running).disable):
        with pytest.raises(Refused, match="no site mines on 'third': there are backup"):
            method("third")
    with pytest.raises(Refused, match="main is neither preferred nor disabled"):
        orders(running).enable("main")


def test_one_that_a_reload_removed_can_still_be_enabled(start: Start) -> None:
    running = start()
    orders(running).disable("main")
    running.reload(config_of({**SOURCES, "sources": ["backup"]}, POOLS[1:]))

    orders(running).enable("main")

    assert running.by_hand.views() == []


def test_a_reload_keeps_what_is_held(start: Start) -> None:
    running = start()
    orders(running).disable("main")
    new = {**SOURCES, "sources": ["main", "third", "backup"]}
    running.reload(config_of(new, POOLS))

    board = running.factories["hall-a"].context.board
    assert [s.name for s in board.routes[0].sources] == ["third", "backup"]


def test_pools_and_status_show_it(start: Start) -> None:
    running = start()
    orders(running).disable("main", for_s=1800.0)
    running.pass_time(60)

    views = {v.name: v for v in Operations(cast("Any", running)).pool_views()}
    main, backup = views["main"], views["backup"]

    assert (main.state, backup.state, backup.by_hand) == ("disabled", "ready", None)
    assert main.by_hand is not None
    assert main.by_hand.left_s == 1740.0
    assert why_not(msgspec.to_builtins(main)) == (
        "source main is disabled by hand since 2023-11-14 22:13 UTC, for 29 min more"
    )
