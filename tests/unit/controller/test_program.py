"""The controller speaks for its sites while each of them is looked at."""

from pathlib import Path
from typing import Any, cast

import pytest
from attrs import define
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from protocol.units import UnixTime
from proxy.config import Config, ProxyConfig
from proxy.controller.control_loop import SiteLoop
from proxy.controller.program import Controller
from proxy.power.control.wall_clock import SteadyClock
from proxy.power.journal.store import StoreError
from proxy.power.link.messages import Beat, decode_up


@define
class Loop:
    """A site's loop that has not looked yet how the site is."""

    lives: bool

    def is_alive(self) -> bool:
        return self.lives

    def figures(self) -> None:
        return None


def still_clock() -> SteadyClock:
    return SteadyClock(lambda: UnixTime(0.0), lambda: 0.0)


def said(*loops: Loop) -> list[Any]:
    """Return what a controller of these sites says in one second."""
    unused = cast("Any", None)
    controller = Controller(Clock(), still_clock(), unused, unused, unused, unused)
    controller.loops |= {str(n): cast("SiteLoop", one) for n, one in enumerate(loops)}
    transport = StringTransport()
    wire = controller.factory.buildProtocol(None)
    wire.makeConnection(transport)
    _ = Deferred.fromCoroutine(controller._beat())
    return [decode_up(line) for line in transport.value().splitlines()]


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


def test_a_controller_is_silent_once_a_site_of_it_is_not_looked_at() -> None:
    assert said(Loop(lives=True), Loop(lives=True)) == [Beat()]
    assert said(Loop(lives=True), Loop(lives=False)) == []
