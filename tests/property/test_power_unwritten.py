"""A site whose database cannot be written to, and is then well again."""

from pathlib import Path
from typing import Any

import pytest

from protocol.units import UnixTime, Watts
from proxy.power.orders.order import Order
from proxy.power.orders.receipt import Receipt
from tests.fakes.power_adapters import FakeSignal
from tests.fakes.power_site import PowerSite, connected

LOW, HIGH = 90_000.0, 160_000.0


def a_site(path: Path, **options: Any) -> PowerSite:
    site = connected(path / "controller.sqlite3", control="stratum", **options)
    site.run(60, renew=False)
    return site


def break_store(site: PowerSite, *, is_broken: bool = True) -> None:
    site.store._db.execute(f"PRAGMA query_only = {is_broken:d}")


def give(site: PowerSite, watts: float, seq: int, source: str = "http") -> Receipt:
    at = site.wall()
    order = Order("hall-a", Watts(watts), seq, source, UnixTime(0.0), at)
    return site.loop.listener.take([order])


def budget(site: PowerSite) -> float:
    site.run(2, renew=False)
    assert site.loop.control.budget is not None
    return site.loop.control.budget.watts


def on_disk(site: PowerSite) -> list[float]:
    return [o.watts for o in site.store.kept("hall-a", site.wall()).orders]


def test_an_order_that_raises_and_cannot_be_written_down_is_not_in_force(
    tmp_path: Path,
) -> None:
    site = a_site(tmp_path)
    assert give(site, LOW, 1).is_taken
    break_store(site)

    receipt = give(site, HIGH, 2)

    assert receipt == Receipt(is_taken=False, reason="it could not be written down")
    assert budget(site) == LOW
    break_store(site, is_broken=False)
    assert budget(site) == LOW
    assert on_disk(site) == [LOW]
    assert give(site, HIGH, 2).is_taken


def test_an_order_that_lowers_holds_and_is_written_down_once_that_is_possible(
    tmp_path: Path,
) -> None:
    site = a_site(tmp_path)
    break_store(site)

    first, again = give(site, LOW, 1), give(site, LOW, 1)

    assert not first.is_taken
    assert not again.is_taken, "not durable, though it is in force"
    assert "holds while this controller runs" in first.reason
    assert budget(site) == LOW
    break_store(site, is_broken=False)
    assert give(site, LOW, 1).is_taken
    site.restart()
    assert budget(site) == LOW


def test_a_source_whose_first_order_is_lost_has_not_spoken(tmp_path: Path) -> None:
    site = a_site(tmp_path, signals=[FakeSignal("http")])
    break_store(site)

    give(site, HIGH, 1)

    assert budget(site) == site.power.fail_safe_w


def test_orders_that_stand_are_renewed_though_nothing_can_be_written(
    tmp_path: Path,
) -> None:
    site = a_site(tmp_path, signals=[FakeSignal("http")])
    give(site, LOW, 1)
    break_store(site)
    site.run(20, renew=False)

    receipt = give(site, LOW, 1)
    site.run(20, renew=False)

    assert receipt.is_taken
    assert site.state != "failsafe"
    assert budget(site) == LOW


def test_orders_cleared_but_not_on_disk_stand(tmp_path: Path) -> None:
    site = a_site(tmp_path)
    give(site, LOW, 1)
    break_store(site)

    cleared = site.loop.listener.clear("http", "test")

    assert cleared is None
    assert budget(site) == LOW
    break_store(site, is_broken=False)
    assert site.loop.listener.clear("http", "test") == 1
    assert on_disk(site) == []


@pytest.mark.parametrize("has_left", [False, True])
def test_machines_of_a_failed_write_are_written_later(
    tmp_path: Path, *, has_left: bool
) -> None:
    site = a_site(tmp_path, count=4)
    break_store(site)
    give(site, 0.0, 1)
    site.run(30)
    if has_left:
        site.loop.control.outbox.effects.forgotten.append("10.0.0.1 m0.0")
        site.run(2)
    break_store(site, is_broken=False)

    site.run(2)

    saved = site.store.kept("hall-a", site.wall()).machines
    assert len(saved) == (3 if has_left else 4)
    assert not any(machine.is_running for machine in saved)


def test_who_could_not_be_granted_work_then_is_granted_it_later(
    tmp_path: Path,
) -> None:
    site = a_site(tmp_path)
    site.order(LOW)
    site.run(200)
    break_store(site)
    site.loop.control.orders.withdraw("operator")
    site.run(20)
    break_store(site, is_broken=False)

    site.run(150)

    table = site.loop.control.table
    run = {m.address for m in table.machines if table.level_of(m) > 0}
    assert len(run) > 40
    assert run == {a for a, box in site.boxes.items() if not box.is_parked}
    again = [e for e in site.events("admission") if "again" in e["cause"]]
    assert again
    assert not again[0]["parked"]
