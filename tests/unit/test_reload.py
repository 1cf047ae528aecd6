"""Another configuration while the process runs: planned, prepared, committed."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from protocol.units import Difficulty
from proxy.admin.refused import Refused
from proxy.config import Config
from proxy.share_process.changes import changes
from tests.fakes.running import POOL, Running, config_of

Start = Callable[[Config], Running]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    begun: list[Running] = []

    def begin(config: Config) -> Running:
        begun.append(Running(tmp_path, config))
        return begun[-1]

    yield begin
    for one in begun:
        one.stop()


def kinds(old: Config, new: Config) -> dict[str, str]:
    return {change.key: change.kind for change in changes(old, new)}


@pytest.mark.parametrize(
    ("new", "key", "kind"),
    [
        (config_of(log_level="debug"), "$.proxy.log_level", "live"),
        (config_of(engine="python"), "$.proxy.engine", "restart"),
        (config_of({"hold_s": 5}), "$.sites[0].hold_s", "live"),
        (config_of({"listen": ["tcp:4444"]}), "$.sites[0].listen", "rebuild"),
        (config_of(pools=[{**POOL, "user": "b"}]), "$.pools.main", "rebuild"),
        (config_of({"name": "hall-b"}), "$.sites", "restart"),
        (
            config_of({"extranonce": {"layout": "1+3"}}),
            "$.sites[0].extranonce",
            "restart",
        ),
    ],
)
def test_each_change_says_what_it_takes(new: Config, key: str, kind: str) -> None:
    assert kinds(config_of(), new) == {key: kind}


def test_a_port_that_only_changes_its_interface_takes_a_restart() -> None:
    new = config_of({"listen": ["tcp:3333:interface=127.0.0.1"]})

    assert "restart" in {change.kind for change in changes(config_of(), new)}


def test_nothing_new_changes_nothing(start: Start) -> None:
    running = start(config_of())
    before = running.state()

    assert running.reload(config_of()) == []
    assert running.state() == before


def test_a_dry_run_changes_nothing_and_names_everything(start: Start) -> None:
    running = start(config_of())
    before = running.state()
    new = config_of({"listen": ["tcp:4444"]}, log_level="debug", engine="python")

    found = running.reload(new, dry_run=True)

    assert [change.kind for change in found] == ["restart", "live", "rebuild"]
    assert running.state() == before


def test_what_takes_a_restart_is_named_and_nothing_is_changed(start: Start) -> None:
    running = start(config_of())
    before = running.state()

    with pytest.raises(Refused, match=r"^\$\.proxy\.name changed: .* a restart"):
        running.reload(config_of({"hold_s": 5}, name="unit-2"))

    assert running.state() == before


def test_a_taken_port_refuses_all_of_it_and_closes_those_it_had(start: Start) -> None:
    running = start(config_of())
    before = running.state()
    running.reactor.taken.add(5555)
    listen = ["tcp:4444", "tcp:5555"]

    with pytest.raises(Refused, match="5555"):
        running.reload(config_of({"listen": listen, "hold_s": 5}))

    assert running.state() == before


def test_a_controller_that_refuses_is_quoted_and_nothing_is_changed(
    start: Start,
) -> None:
    running = start(config_of())
    before = running.state()
    running.power.refusal = "no such machine"

    with pytest.raises(Refused, match="no such machine; nothing was reloaded"):
        running.reload(config_of({"hold_s": 5, "listen": ["tcp:4444"]}))

    assert running.state() == before


def test_a_pool_url_that_is_none_refuses_all_of_it(start: Start) -> None:
    running = start(config_of())
    before = running.state()
    pool = {**POOL, "ca_file": Path("/nowhere.pem"), "url": "stratum+tls://a.example:1"}

    with pytest.raises(Refused, match=r"nowhere\.pem"):
        running.reload(config_of({"hold_s": 5}, pools=[pool]))

    assert running.state() == before


def test_a_listener_keeps_what_it_says_itself(start: Start) -> None:
    listeners = [{"endpoint": "tcp:1", "start": 512}]
    running = start(config_of({"listeners": listeners}))
    difficulty = {"start": 256, "minimum": 128, "maximum": 4096}

    running.reload(config_of({"listeners": listeners, "difficulty": difficulty}))

    policy = running.builder.services["hall-a"].ports.open["tcp:1", 0].policy
    assert policy.context.start == Difficulty(512)
    assert policy.context.policy.minimum == Difficulty(128)


def test_a_port_that_is_wanted_no_more_is_closed(start: Start) -> None:
    running = start(config_of())

    running.reload(config_of({"listen": ["tcp:4444"]}))

    assert running.reactor.open_ports == [4444]


def test_one_reload_at_a_time(start: Start) -> None:
    running = start(config_of())
    waits: list[Any] = []

    async def check(_: Config) -> None:
        try:
            running.reload(config_of({"hold_s": 7}))
        except Refused as error:
            waits.append(str(error))

    running.power.check = check  # type: ignore[method-assign]
    running.reload(config_of({"hold_s": 5}))

    assert waits == ["another reload is under way"]
