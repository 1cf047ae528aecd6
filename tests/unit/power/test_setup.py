"""The configuration over the link and back, secrets and all."""

from pathlib import Path

import msgspec
import pytest

from proxy.config import (
    Config,
    PoolConfig,
    PowerConfig,
    RouteConfig,
    Secret,
    SignalConfig,
    SiteConfig,
)
from proxy.power.link.messages import Setup
from proxy.power.link.setup import config_of, setup_of

TOKEN = "said-to-few"  # noqa: S105


def a_site(name: str, *, has_power: bool = True) -> SiteConfig:
    schedule = SignalConfig(kind="schedule", file=Path("/etc/plan.toml"))
    http = SignalConfig(kind="http", listen="tcp:8090", token=Secret(TOKEN))
    power = PowerConfig(budget_w=9000, fail_safe_w=100, signals=(schedule, http))
    return SiteConfig(
        name=name,
        listen=("tcp:3333",),
        sources=["main"],
        routes=(RouteConfig(workers="a.*", sources=["main"]),),
        power=power if has_power else None,
    )


POOL = PoolConfig(name="main", url="stratum+tcp://h:1", user="u", password=Secret("p"))
CONFIG = Config(pools=(POOL,), sites=[a_site("a"), a_site("b", has_power=False)])


def test_paths_and_secrets_arrive_as_what_they_were() -> None:
    (site,) = config_of(setup_of(CONFIG)).sites

    assert site.power is not None
    assert site.power == a_site("a").power
    schedule, http = site.power.signals
    assert isinstance(schedule.file, Path)
    assert isinstance(http.token, Secret)
    assert http.token == TOKEN


def test_what_the_controller_does_not_need_is_not_sent() -> None:
    sent = config_of(setup_of(CONFIG))

    assert (sent.pools, sent.nodes) == ((), ())
    assert [s.name for s in sent.sites] == ["a"]
    assert sent.sites[0].routes == ()


def test_what_has_no_place_in_a_setup_is_refused_by_its_name() -> None:
    odd = msgspec.structs.replace(a_site("a"), name={object()})

    with pytest.raises(NotImplementedError, match="object has no place in a setup"):
        setup_of(Config(sites=[odd]))


def test_a_setup_that_holds_no_configuration_is_refused() -> None:
    with pytest.raises(msgspec.DecodeError):
        config_of(Setup(msgspec.Raw(b'{"sites": 7}')))
