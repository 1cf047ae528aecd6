"""What a site draws and is kept from, minute by minute."""

import sqlite3
from contextlib import closing
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from protocol.units import Seconds, UnixTime, Watts
from proxy.config import FleetConfig
from proxy.power.control.step import site_at
from proxy.power.evidence.energy import MAX_GAP, MAX_ROWS, Draw, EnergyMeter, draws
from proxy.power.journal import schema
from proxy.power.journal.effects import Learned
from proxy.power.journal.energy import MINUTES_KEPT, WHOLE_SITE, EnergyRow
from proxy.power.journal.store import Store, open_store
from proxy.power.machines.describer import Describer
from proxy.power.machines.table import Table
from proxy.power.settings import params_of
from tests.fakes.power_site import connected
from tests.unit.power.sites import AT, METER, Site
from tests.unit.power.tables import NOW, POWER, join

LEARNED = Learned(1.0, 1.0)
MINUTE = int(AT // 60)
LONG_BEFORE = Seconds(NOW - 500.0)


def a_row(tenant: str = "", minute: int = MINUTE, **other: Any) -> EnergyRow:
    values = {
        "wh": 10.0,
        "source": "meter",
        "budget_wh": None if tenant else 20.0,
        "curtailed_wh": 1.0,
        "machine_s_down": 5.0,
        "machine_wh": 9.0,
        "seconds": 60.0,
        "metered_s": 30.0,
        **other,
    }
    return EnergyRow(tenant, minute, **values)


def stored(store: Store, span: str = "minute") -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(store._path)) as db:
        return db.execute(f"SELECT * FROM energy_{span}").fetchall()  # noqa: S608


def sums(path: Path, tenant: str = "") -> dict[str, float]:
    names = ("wh", "budget_wh", "curtailed_wh", "machine_s_down", "machine_wh")
    columns = ", ".join(f"total({name})" for name in (*names, "seconds"))
    with closing(sqlite3.connect(path)) as db:
        found = db.execute(
            f"SELECT {columns} FROM energy_minute WHERE tenant = ?",  # noqa: S608
            (tenant,),
        ).fetchone()
    return dict(zip((*names, "seconds"), found, strict=True))


def test_two_parts_of_a_minute_are_one_row(tmp_path: Path) -> None:
    store = open_store(tmp_path / "c.sqlite3")
    store.remember("hall-a", LEARNED, [], [a_row(), a_row("acme")])
    store.remember("hall-a", LEARNED, [], [a_row(source="model", seconds=30.0)])
    store.remember("hall-a", LEARNED, [], [a_row(source="telemetry", seconds=0.0)])

    site, acme = stored(store)
    assert site == (
        *("hall-a", "", MINUTE, 30.0, "model", 60.0),
        *(3.0, 15.0, 27.0, 90.0, 90.0),
    )
    assert acme == (
        *("hall-a", "acme", MINUTE, 10.0, "meter", None),
        *(1.0, 5.0, 9.0, 60.0, 30.0),
    )


def test_hours_add_up_their_minutes_and_stay_when_those_go(tmp_path: Path) -> None:
    store = open_store(tmp_path / "c.sqlite3")
    hour = MINUTE // 60
    first = [a_row(minute=60 * hour + n) for n in range(60)]
    store.remember("hall-a", LEARNED, [], first)
    assert [row[3] for row in stored(store, "hour")] == [600.0]

    last = a_row(minute=60 * hour + MINUTES_KEPT + 60)
    store.remember("hall-a", LEARNED, [], [last])

    assert [row[2] for row in stored(store)] == [last.minute]
    assert [row[2] for row in stored(store, "hour")] == [hour, last.minute // 60]


def test_a_database_without_energy_is_upgraded(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite3"
    with closing(sqlite3.connect(path)) as db:
        for step in (1, 2):
            db.executescript(
                files(schema).joinpath(f"{step:04}.sql").read_text("utf-8")
            )
        db.execute("INSERT INTO learned VALUES ('hall-a', 1.1, 1.2)")
        db.execute("PRAGMA user_version = 2")
        db.commit()

    store = open_store(path)
    store.remember("hall-b", LEARNED, [], [a_row()])

    assert store.kept("hall-a", AT).learned == Learned(1.1, 1.2)
    assert len(stored(store)) == 1


def test_a_site_draws_what_its_meter_says() -> None:
    site = Site("park.1", meter=METER)
    site.live(range(1, 31), reading=3600.0)
    site.live(range(31, 61), reading=7200.0)

    rows = site.control.energy.rows
    assert {row.source for row in rows} == {"meter"}
    assert sum(row.wh for row in rows) == pytest.approx(90.0, abs=2.0)
    assert sum(row.seconds for row in rows) == 60.0
    assert sum(row.metered_s for row in rows) == 60.0
    assert sum(row.budget_wh or 0.0 for row in rows) == pytest.approx(1e5 / 60)


def test_without_a_meter_the_model_speaks_and_says_so() -> None:
    site = Site("park.1")
    site.live(range(1, 121))

    rows = site.control.energy.rows
    watts = site.control.state.estimate.bias * site.machine(1).kind.full_w
    assert {row.source for row in rows} == {"model"}
    assert sum(row.metered_s for row in rows) == 0.0
    assert sum(row.wh for row in rows) == pytest.approx(watts / 30, rel=0.02)


def test_time_that_nobody_saw_is_in_no_row() -> None:
    site = Site("park.1")
    site.tick(1)
    site.tick(4000)

    assert sum(row.seconds for row in site.control.energy.rows) == 1.0 + MAX_GAP


def a_fleet(*workers: str) -> Table:
    """Return machines at full speed, of `acme` but for those called `own`."""
    rows = (
        FleetConfig(workers="own.*", model="Antminer S21"),
        FleetConfig(workers="*", model="Antminer S21", tenant="acme"),
    )
    table = Table(Describer.of(POWER, rows))
    for number, worker in enumerate(workers, 1):
        join(table, number, worker, f"10.0.0.{number}", is_parked=False)
    table.adopt(LONG_BEFORE)
    return table


def test_a_tenant_draws_what_its_machines_do() -> None:
    table = a_fleet("own.1", "a.1", "a.2")
    full = table.machines[0].kind.full_w

    found = draws(table, 1.1, NOW)

    assert found["acme"].watts == pytest.approx(2.2 * full)
    assert found["acme"].source == "model"
    assert found[WHOLE_SITE].watts == pytest.approx(3.3 * full)


def test_what_a_machine_says_of_itself_goes_before_its_model() -> None:
    table = a_fleet("a.1", "a.2")
    table.machines[0].power_w, table.machines[0].heard_at = Watts(1234.0), NOW
    full = table.machines[0].kind.full_w
    table.command_one(table.machines[1], 0, LONG_BEFORE)
    idle = table.machines[1].kind.idle_w

    found = draws(table, 1.0, NOW)["acme"]

    assert found == Draw(1234.0 + idle, "telemetry", full - idle, 0.0)


def test_old_telemetry_does_not_count() -> None:
    table = a_fleet("a.1")
    table.machines[0].power_w, table.machines[0].heard_at = Watts(1.0), LONG_BEFORE

    found = draws(table, 1.0, NOW)["acme"]

    assert found.watts == table.machines[0].kind.full_w
    assert found.source == "model"


def test_a_machine_that_is_gone_is_down_and_not_curtailed() -> None:
    table = a_fleet("a.1", "a.2")
    table.leave(1, LONG_BEFORE)
    table.command_one(table.machines[0], 0, LONG_BEFORE)

    found = draws(table, 1.0, NOW)["acme"]

    assert found == Draw(table.machines[1].kind.full_w, "model", 0.0, 1.0)


def test_a_machine_that_does_not_obey_is_not_curtailed() -> None:
    table = a_fleet("a.1")
    table.command_one(table.machines[0], 0, LONG_BEFORE)
    table.set_responsive(table.machines[0], is_responsive=False)

    assert draws(table, 1.0, NOW)["acme"].curtailed_w == 0.0


def test_a_site_without_machines_draws_what_its_meter_says() -> None:
    site = Site(meter=METER)
    site.live(range(1, 61), reading=360.0)

    assert sum(r.wh for r in site.control.energy.rows) == pytest.approx(6.0, abs=0.1)


def test_what_cannot_be_written_down_is_bounded() -> None:
    energy = EnergyMeter(Table(Describer.of(POWER, ())), NOW)
    state, params = site_at(NOW, Watts(0.0)), params_of(POWER)
    minutes = MAX_ROWS + 5

    for minute in range(minutes):
        now = Seconds(NOW + minute)
        at = UnixTime(60.0 * minute)
        energy.tick(state, params, Watts(1.0), now, at)

    assert [r.minute for r in (energy.rows[0], energy.rows[-1])] == [5, minutes - 1]


def test_a_curtailed_site_is_accounted_for_across_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "controller.sqlite3"
    plant = connected(path, count=20, budget_w=100_000.0, control="stratum")
    plant.run(300)
    full_wh = sum(box.watts for box in plant.boxes.values()) / 3600.0
    plant.order(20_000.0)
    plant.run(200)
    plant.loop._journal.keep()
    plant.kill()
    plant.open()
    plant.run(600)
    plant.loop._journal.keep()
    plant.kill()

    found = sums(path)
    assert found["seconds"] == pytest.approx(1100.0, abs=5.0)
    assert found["budget_wh"] == pytest.approx((3e7 + 1.6e7) / 3600, rel=0.02)
    assert found["wh"] + found["curtailed_wh"] == pytest.approx(1100 * full_wh, rel=0.1)
    assert found["machine_wh"] == pytest.approx(found["wh"], rel=0.1)
    assert found["machine_s_down"] == 0.0
