from typing import Any

import msgspec
import pytest

from protocol.units import Difficulty
from proxy.admin.refused import Refused
from proxy.config import Config, LimitsConfig, ListenerConfig
from proxy.downstream.connection import ListenerPolicy, SiteFactory
from proxy.share_process.reload import apply_changes
from tests.fakes.hall import Hall

SITE: dict[str, Any] = {
    "name": "hall-a",
    "listen": ["tcp:3333"],
    "sources": ["main"],
    "difficulty": {"start": 64, "minimum": 32, "maximum": 4096},
}
POOL = {"name": "main", "url": "stratum+tcp://127.0.0.1:3333", "user": "a"}


def config(site: dict[str, Any] | None = None, **proxy: Any) -> Config:
    tables = {"proxy": proxy, "pools": [POOL], "sites": [{**SITE, **(site or {})}]}
    return msgspec.convert(tables, Config)


def hall() -> tuple[Hall, SiteFactory]:
    memory = Hall()
    real = SiteFactory(memory.context, LimitsConfig(), lambda: 0.0)
    return memory, real


def test_nothing_new_changes_nothing() -> None:
    assert apply_changes(config(), config(), {"hall-a": hall()[1]}, None) == []


def test_a_new_minimum_moves_the_miners_that_are_here() -> None:
    memory, real = hall()
    wire = memory.connect().work()
    real.roster.add(wire.miner)
    new = config({"difficulty": {"start": 256, "minimum": 128, "maximum": 4096}})

    keys = apply_changes(config(), new, {"hall-a": real}, None)

    assert keys == ["$.sites[0].difficulty"]
    assert wire.miner.vardiff.difficulty == 128.0
    assert memory.connect().miner.difficulty == 256.0


def test_a_listener_keeps_what_it_says_itself() -> None:
    memory, real = hall()
    listener = ListenerConfig(endpoint="tcp:1", start=Difficulty(512))
    door = ListenerPolicy(real, memory.context, listener)
    real.listener_policies.append(door)
    new = config({"difficulty": {"start": 256, "minimum": 128, "maximum": 4096}})

    apply_changes(config(), new, {"hall-a": real}, None)

    assert (door.context.start, door.context.policy.minimum) == (512.0, 128.0)


def test_limits_and_the_level_of_the_log_change_at_once() -> None:
    real, levels = hall()[1], list[str]()
    new = config({"limits": {"connections": 5}}, log_level="debug")

    keys = apply_changes(config(), new, {"hall-a": real}, levels.append)

    assert keys == ["$.proxy.log_level", "$.sites[0].limits"]
    assert levels == ["debug"]
    assert real.roster.limits.connections == 5


@pytest.mark.parametrize(
    ("site", "proxy", "named"),
    [
        ({"listen": ["tcp:4444"]}, {}, "$.sites[0].listen"),
        ({"name": "hall-b"}, {}, "$.sites"),
        ({}, {"name": "unit-2"}, "$.proxy.name"),
    ],
)
def test_what_takes_a_restart_is_named_and_nothing_is_changed(
    site: dict[str, Any], proxy: dict[str, Any], named: str
) -> None:
    real = hall()[1]
    new = config({**site, "limits": {"connections": 5}}, **proxy)

    with pytest.raises(Refused, match="restart") as refused:
        apply_changes(config(), new, {"hall-a": real}, None)

    assert str(refused.value).startswith(named)
    assert real.roster.limits.connections == 100_000
