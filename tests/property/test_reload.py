"""A process that reloads ends as one that is started with the same configuration."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.config import Config
from proxy.config.checks import faults
from proxy.share_process.sources_service import LEFT_BY_ALL
from tests.fakes.running import Running

POOLS = ("main", "spare", "acme")
NODE = "core"


@st.composite
def pools(draw: st.DrawFn) -> list[dict[str, Any]]:
    names = draw(st.lists(st.sampled_from(POOLS), min_size=1, unique=True))
    return [
        {
            "name": name,
            "url": f"stratum+tcp://127.0.0.1:{draw(st.sampled_from([3001, 3002]))}",
            "user": draw(st.sampled_from(["a", "a.{worker}"])),
            "version_rolling": draw(st.sampled_from(["allowed", "required"])),
        }
        for name in names
    ]


def node(address: str) -> dict[str, Any]:
    return {
        "name": NODE,
        "rpc": "http://127.0.0.1:18443",
        "user": "u",
        "password": "secret",
        "payout_address": address,
    }


@st.composite
def site(draw: st.DrawFn, name: str, port: int, sources: list[str]) -> dict[str, Any]:
    some = st.lists(st.sampled_from(sources), min_size=1, unique=True)
    patterns = st.lists(st.sampled_from(["acme.*", "b*", "c"]), max_size=2, unique=True)
    ports = st.lists(st.integers(port, port + 2), min_size=1, unique=True)
    start = draw(st.sampled_from([1.0, 64.0]))
    power = draw(st.sampled_from([None, {"budget_w": 1e6, "fail_safe_w": 1e5}]))
    return {
        "name": name,
        "listen": [f"tcp:{number}" for number in draw(ports)],
        "listeners": [{"endpoint": f"tcp:{port + 9}", "protocol": "auto"}],
        "sources": draw(some),
        "routes": [{"workers": p, "sources": draw(some)} for p in draw(patterns)],
        "fail_back_s": draw(st.sampled_from([10.0, 30.0])),
        "hold_s": draw(st.sampled_from([10.0, 600.0])),
        "extranonce": {"layout": "4+4"},  # or there are no groups before a pool answers
        "difficulty": {"start": start, "minimum": 1.0},
        "limits": {"connections": draw(st.integers(1, 9))},
        **({"power": power} if power else {}),
    }


ADDRESSES = (
    "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080",
    "bcrt1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqdku202",
)


@st.composite
def configs(draw: st.DrawFn) -> Config:
    """Two sites over some pools and perhaps a node."""
    of_pools = draw(pools())
    address = draw(st.sampled_from(["", *ADDRESSES]))
    nodes = [node(address)] if address else []
    names = [row["name"] for row in (*of_pools, *nodes)]
    sites = [draw(site(name, port, names)) for name, port in (("a", 4000), ("b", 5000))]
    level = draw(st.sampled_from(["info", "debug"]))
    tables = {
        "proxy": {"log_level": level},
        "pools": of_pools,
        "nodes": nodes,
        "sites": sites,
    }
    config = msgspec.convert(tables, Config, dec_hook=lambda kind, v: kind(v))
    assert not list(faults(config))
    return config


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(configs(), configs(), configs())
def test_a_reload_ends_as_a_start(first: Config, second: Config, third: Config) -> None:
    with TemporaryDirectory() as folder:
        reloaded = Running(Path(folder), first)
        reloaded.pass_time(2)
        reloaded.reload(second)
        reloaded.reload(third)
        reloaded.pass_time(int(LEFT_BY_ALL) + 20)
        started = Running(Path(folder), third)
        started.pass_time(int(LEFT_BY_ALL) + 20)

        states = reloaded.state(), started.state()
        reloaded.stop()
        started.stop()

    assert states[0] == states[1]
