"""A dry run of a reload says what the reload does, or why it is refused."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import token_bytes
from typing import Any

import pytest

from proxy.admin.refused import Refused
from proxy.config import Config
from proxy.downstream.sv2_keys import KeyFileError, authority_of, check_authority
from tests.fakes.running import POOL, SITE, Running, config_of

SPARE = {**POOL, "name": "spare", "url": "stratum+tcp://127.0.0.1:4444"}
NODE = {"name": "core", "rpc": "http://127.0.0.1:1", "user": "u", "password": "p"}
PARTS = {
    "level": ("$.proxy.log_level",),
    "power": ("$.sites[0].power", "$.sites[0].fleet"),
    "ports": ("$.sites[0].listen",),
    "pools": ("$.pools",),
    "sinks": ("$.pools", "$.nodes"),
    "nodes": ("$.nodes",),
    "payouts": ("$.nodes",),
    "blocks": ("$.nodes",),
    "watches": ("$.pools", "$.nodes"),
    "sites": ("$.sites[0]", "$.pools", "$.nodes"),
}
"""What each part of a process's state is configured by."""


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    one = Running(tmp_path, config_of())
    yield one
    one.stop()


@pytest.mark.parametrize(
    "new",
    [
        config_of(log_level="debug"),
        config_of({"hold_s": 5}),
        config_of({"fail_back_s": 5}),
        config_of({"limits": {"connections": 5}}),
        config_of({"difficulty": {**SITE["difficulty"], "minimum": 33}}),
        config_of({"listen": ["tcp:3333", "tcp:4444"]}),
        config_of({"listen": ["tcp:4444"]}),
        config_of({"listeners": [{"endpoint": "tcp:1", "minimum": 40}]}),
        config_of({"power": {"budget_w": 1e6, "fail_safe_w": 1e5}}),
        config_of(pools=[POOL, SPARE]),
        config_of({"sources": ["main", "spare"]}, pools=[POOL, SPARE]),
        config_of({"sources": ["spare"]}, pools=[SPARE]),
        config_of(pools=[{**POOL, "user": "b"}]),
        config_of(nodes=[NODE]),
        config_of(
            {"routes": [{"workers": "acme.*", "sources": ["spare"]}]},
            pools=[POOL, SPARE],
        ),
    ],
)
def test_it_prints_what_the_reload_does(running: Running, new: Config) -> None:
    before = running.state()

    printed = running.reload(new, dry_run=True)
    untouched = running.state()
    done = running.reload(new)

    after = running.state()
    changed = [part for part in before if before[part] != after[part]]
    keys = [change.key for change in printed]
    assert untouched == before
    assert printed == done
    assert changed
    assert all(any(key.startswith(PARTS[part]) for key in keys) for part in changed)


def taken_port(running: Running) -> Config:
    running.reactor.taken.add(5555)
    return config_of({"listen": ["tcp:4444", "tcp:5555"]})


def lost_certificate(_: Running) -> Config:
    return config_of({"listen": ["ssl:4444:privateKey=/nowhere.pem"]})


def refusing_controller(running: Running) -> Config:
    running.power.refusal = "no such machine"
    return config_of({"listen": ["tcp:4444"]})


def unusable_keys(running: Running) -> Config:
    def keys() -> Any:
        raise KeyFileError("authority.key: mode 644, wanted 600")

    running.builder.keys = running.builder.check_keys = keys
    return config_of({"listeners": [{"endpoint": "tcp:4444", "protocol": "sv2"}]})


def pool_that_is_none(_: Running) -> Config:
    return config_of(pools=[{**POOL, "url": "stratum2+tcp://a.example:1/none"}])


@pytest.mark.parametrize(
    "fault",
    [
        taken_port,
        lost_certificate,
        refusing_controller,
        unusable_keys,
        pool_that_is_none,
    ],
)
def test_it_is_refused_for_what_the_reload_is(
    running: Running, fault: Callable[[Running], Config]
) -> None:
    new = fault(running)
    before = running.state()
    refusals = []

    for dry_run in (True, False):
        with pytest.raises(Refused) as refused:
            running.reload(new, dry_run=dry_run)
        refusals.append(str(refused.value))

    assert refusals[0] == refusals[1]
    assert running.state() == before


def test_keys_that_nobody_needs_refuse_neither(
    running: Running, tmp_path: Path
) -> None:
    file = tmp_path / "authority.key"
    file.write_text("not one")
    running.builder.check_keys = lambda: check_authority(file)
    new = config_of({"hold_s": 5})

    printed = running.reload(new, dry_run=True)

    assert printed == running.reload(new)


@pytest.mark.parametrize("file", ["/proc/authority.key", __file__])
def test_keys_that_cannot_be_had_refuse_both(running: Running, file: str) -> None:
    path = Path(file)

    def keys() -> Any:
        authority_of(path, token_bytes)

    running.builder.keys = keys
    running.builder.check_keys = lambda: check_authority(path)
    new = config_of({"listeners": [{"endpoint": "tcp:4444", "protocol": "sv2"}]})

    for dry_run in (True, False):
        with pytest.raises(Refused, match=re.escape(file)):
            running.reload(new, dry_run=dry_run)


def test_it_makes_no_keys_and_leaves_no_port_open(running: Running) -> None:
    made: list[str] = []

    def keys() -> Any:
        made.append("keys")

    running.builder.keys = keys
    listeners = [{"endpoint": "tcp:4444", "protocol": "sv2"}]
    running.reload(config_of({"listeners": listeners}), dry_run=True)

    assert made == []
    assert running.reactor.open_ports == [3333]


def test_what_is_in_force_is_known_before_the_controller_has_it(
    running: Running,
) -> None:
    seen: list[Config] = []

    async def take_on(config: Config) -> None:
        seen.append(running.config)  # it may take a minute
        running.power.config = config

    running.power.take_on = take_on  # type: ignore[method-assign]  # of a fake
    new = config_of(pools=[POOL, SPARE])
    running.reload(new)

    assert seen == [new]
