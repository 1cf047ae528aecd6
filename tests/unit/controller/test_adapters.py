"""What the controller reaches the world through follows its configuration."""

from pathlib import Path
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock

from protocol.units import UnixTime
from proxy.config import (
    Config,
    FleetConfig,
    NodeConfig,
    PowerConfig,
    ProxyConfig,
    SignalConfig,
    SiteConfig,
)
from proxy.config.secret import Secret
from proxy.controller.adapters import AdapterMaker, NoDevices
from proxy.controller.program import Controller
from proxy.node.rewards import NodeRewards
from proxy.power.control.wall_clock import SteadyClock
from proxy.power.journal.database import STORE_FILE
from proxy.power.journal.store import open_store
from proxy.power.link.messages import FleetReport, Joined
from proxy.power.ports import NO_LOGIN, Login
from proxy.signals.price_signal import PriceSignal
from proxy.signals.price_worth import NodeWorth

AT = UnixTime(1_800_000_000.0)
ADDRESS = "10.0.0.1"
MINER = Joined(1, "lux.1", ADDRESS, is_parked=False)


def config(state: Path, *passwords: str | None) -> Config:
    """Return one that has a site for each password, its devices shown that."""
    power = PowerConfig(budget_w=100_000.0, fail_safe_w=50_000.0)
    sites = [
        SiteConfig(
            name=f"hall-{number}",
            listen=("tcp:0",),
            sources=["main"],
            power=power,
            fleet=(
                FleetConfig(
                    workers="lux.*",
                    model="Antminer S19j Pro",
                    control="pyasic",
                    username=Secret("me"),
                    password=Secret(password),
                ),
            ),
        )
        for number, password in enumerate(passwords)
        if password is not None
    ]
    return Config(proxy=ProxyConfig(state_dir=str(state)), sites=sites)


def test_devices_are_shown_what_a_reload_says(tmp_path: Path) -> None:
    open_store(tmp_path / STORE_FILE).close()
    unused, clock = cast("Any", None), Clock()
    wall_clock = SteadyClock(lambda: AT, clock.seconds)
    maker = AdapterMaker(unused, clock, wall_clock)
    maker._devices = NoDevices()  # pyasic is not loaded for this
    controller = Controller(
        clock, wall_clock, maker.adapters_of, unused, unused, unused
    )
    controller.begin(config(tmp_path, "old"))
    controller.loops["hall-0"].report(FleetReport("hall-0", True, [MINER], [], [], []))
    assert maker.login_of(ADDRESS) == Login("me", "old")

    for passwords, shown in (
        (("new",), Login("me", "new")),
        ((None,), NO_LOGIN),
        ((None, "of another site"), Login("me", "of another site")),
    ):
        _ = Deferred.fromCoroutine(controller.take_on(config(tmp_path, *passwords)))
        for name, loop in controller.loops.items():
            loop.report(FleetReport(name, True, [MINER], [], [], []))
        assert maker.login_of(ADDRESS) == shown

    assert Deferred.fromCoroutine(controller.stop()).called


def test_another_node_to_ask_what_a_block_earns_makes_the_price_anew(
    tmp_path: Path,
) -> None:
    open_store(tmp_path / STORE_FILE).close()
    unused, clock = cast("Any", None), MemoryReactorClock()
    wall_clock = SteadyClock(lambda: AT, clock.seconds)
    maker = AdapterMaker(unused, clock, wall_clock)
    controller = Controller(
        clock, wall_clock, maker.adapters_of, unused, unused, unused
    )
    controller.begin(priced(tmp_path, "core"))
    first = controller.loops["hall-a"]

    _ = Deferred.fromCoroutine(controller.take_on(priced(tmp_path, "core")))
    assert controller.loops["hall-a"] is first
    _ = Deferred.fromCoroutine(controller.take_on(priced(tmp_path, "other")))
    second = controller.loops["hall-a"]
    assert second is not first
    (price,) = second._adapters.signals
    assert isinstance(price, PriceSignal)
    assert isinstance(price.worth, NodeWorth)
    assert isinstance(price.worth.rewards, NodeRewards)

    assert Deferred.fromCoroutine(controller.stop()).called


def priced(state: Path, node: str) -> Config:
    """Return one whose site follows a price, and asks a node what a block earns."""
    signal = SignalConfig(
        kind="price",
        format="csv",
        document=str(state / "prices.csv"),
        units="MWh",
        currency="EUR",
        btc_price=str(state / "btc.txt"),
    )
    power = PowerConfig(budget_w=100_000.0, fail_safe_w=50_000.0, signals=(signal,))
    site = SiteConfig(name="hall-a", listen=("tcp:0",), sources=["main"], power=power)
    core = NodeConfig(name=node, rpc="http://127.0.0.1:1", user="u")
    return Config(proxy=ProxyConfig(state_dir=str(state)), nodes=(core,), sites=[site])
