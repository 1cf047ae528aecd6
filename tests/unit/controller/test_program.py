"""The controller speaks for its sites while each of them is looked at."""

from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from attrs import define
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from protocol.units import UnixTime, Watts
from proxy.config import Config, PowerConfig, ProxyConfig, SiteConfig
from proxy.controller.adapters import SiteAdapters
from proxy.controller.control_loop import SiteLoop
from proxy.controller.program import Controller
from proxy.power.control.wall_clock import SteadyClock
from proxy.power.journal.database import STORE_FILE
from proxy.power.journal.effects import Effects
from proxy.power.journal.store import StoreError, open_store
from proxy.power.link.messages import Beat, HeldMachines, decode_up
from proxy.power.machines.holds import NONE_HELD, Holds
from proxy.power.orders.order import Order


@define
class Loop:
    """A site's loop that has not looked yet how the site is."""

    lives: bool

    held: Holds = NONE_HELD

    def is_alive(self) -> bool:
        return self.lives

    def hold_off(self, holds: Holds) -> None:
        self.held = holds

    def figures(self) -> None:
        return None


def still_clock() -> SteadyClock:
    return SteadyClock(lambda: UnixTime(0.0), lambda: 0.0)


def said(*loops: Loop) -> list[Any]:
    """Return what a controller of these sites says in one second."""
    unused = cast("Any", None)
    controller = Controller(Clock(), still_clock(), unused, unused, unused, unused)
    controller.loops.update(
        {str(n): cast("SiteLoop", one) for n, one in enumerate(loops)}
    )
    transport = StringTransport()
    wire = controller.factory.buildProtocol(None)
    wire.makeConnection(transport)
    _ = Deferred.fromCoroutine(controller._beat())
    return [decode_up(line) for line in transport.value().splitlines()]


def test_what_is_held_by_hand_is_told_to_every_site() -> None:
    unused, loops = cast("Any", None), [Loop(lives=True), Loop(lives=True)]
    controller = Controller(Clock(), still_clock(), unused, unused, unused, unused)
    controller.loops.update(
        {str(n): cast("SiteLoop", one) for n, one in enumerate(loops)}
    )
    wire = controller.factory.buildProtocol(None)
    wire.makeConnection(StringTransport())

    wire.dataReceived(msgspec.json.encode(HeldMachines(["rack-a.*"])) + b"\n")

    assert [loop.held.patterns for loop in loops] == [["rack-a.*"]] * 2
    assert controller.sites.holds.patterns == ["rack-a.*"], "for sites of a reload, too"


def test_a_controller_begins_without_orders_only_if_there_never_were_any(
    tmp_path: Path,
) -> None:
    unused = cast("Any", None)
    controller = Controller(Clock(), still_clock(), unused, unused, unused, unused)
    config = Config(proxy=ProxyConfig(state_dir=str(tmp_path)), sites=[])

    with pytest.raises(StoreError, match="is gone, and in it all orders"):
        controller.begin(config)
    assert not (tmp_path / "controller.sqlite3").exists()
    _ = Deferred.fromCoroutine(controller.stop())


@pytest.mark.parametrize("wrong_s", [1800.0, 3600.0 * 24 * 365 * 12])
def test_a_row_of_a_clock_that_was_ahead_ends_no_order(
    tmp_path: Path, wrong_s: float
) -> None:
    at = UnixTime(1_800_000_000.0)
    end = UnixTime(at + 600.0)
    dated = Order("hall-a", Watts(20_000.0), 1, "cli", at, at, expires=end)
    store = open_store(tmp_path / STORE_FILE)
    store.write("hall-a", Effects(has_orders=True), (dated,), at)
    store.spoke("hall-a", "cli", UnixTime(at + wrong_s))
    store.close()
    unused, clock = cast("Any", None), Clock()
    wall_clock = SteadyClock(lambda: at, clock.seconds)
    controller = Controller(
        clock, wall_clock, lambda *_: SiteAdapters(), unused, unused, unused
    )
    power = PowerConfig(budget_w=100_000.0, fail_safe_w=50_000.0)
    site = SiteConfig(name="hall-a", listen=("tcp:0",), sources=["main"], power=power)
    config = Config(proxy=ProxyConfig(state_dir=str(tmp_path)), sites=[site])

    controller.begin(config)
    clock.advance(1.0)

    budget = controller.loops["hall-a"].control.budget
    assert budget is not None
    assert budget.watts == 20_000.0
    stopped = Deferred.fromCoroutine(controller.stop())
    assert stopped.called


def test_a_controller_is_silent_once_a_site_of_it_is_not_looked_at() -> None:
    assert said(Loop(lives=True), Loop(lives=True)) == [Beat()]
    assert said(Loop(lives=True), Loop(lives=False)) == []
