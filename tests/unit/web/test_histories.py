"""What the API says of the past: columns, tables, gaps, and what it refuses."""

from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from proxy.power.journal.database import STORE_FILE
from proxy.power.journal.database import open_database as open_store
from proxy.shares.database import LEDGER_FILE
from proxy.shares.database import open_database as open_ledger
from proxy.web.archive import WORK
from tests.fakes.web import NOW as EPOCH
from tests.fakes.web import Web

NOW = int(EPOCH) + 1000  # where the hall's clock begins
SITE = "/api/v1/sites/hall-a/history"


def running(folder: Path) -> Web:
    """Return the web side of a hall, its history read."""
    web = Web(state=folder)
    _ = Deferred.fromCoroutine(web.side.history.keeper.read())
    return web


def seconds(web: Web, count: int) -> None:
    for _ in range(count):
        web.hall.clock.advance(1)
        web.side.history.keeper.beat()


def test_a_site_has_columns_of_one_length_and_null_in_the_gaps(tmp_path: Path) -> None:
    web = running(tmp_path)
    web.seat()
    seconds(web, 3)
    web.hall.clock.advance(5)
    seconds(web, 2)

    found = web.ask(f"{SITE}?from={NOW}&step=1").json

    columns = found["columns"]
    assert (found["site"], found["from"], found["step"]) == ("hall-a", NOW, 1)
    assert columns["at"] == [NOW + n for n in range(10)]
    assert columns["connected"] == [None, 1, 1, 1, *[None] * 5, 1]
    assert columns["power_w"] == [None] * 10  # no budget here
    assert {len(column) for column in columns.values()} == {10}
    assert "energy_wh" not in columns


def test_a_table_has_the_same_rows(tmp_path: Path) -> None:
    web = running(tmp_path)
    seconds(web, 600)

    table = web.ask(f"{SITE}?from={NOW}&step=1", accept="text/csv")
    columns = web.ask(f"{SITE}?from={NOW}&step=1").json["columns"]

    head, *rows = table.body.decode().splitlines()
    assert head.split(",") == [*columns]
    assert len(rows) == len(columns["at"]) == 600
    assert rows[0].startswith(f"{NOW},,,")
    assert rows[5].split(",")[0] == str(NOW + 5)


def test_what_cannot_be_told_is_said(tmp_path: Path) -> None:
    web = Web(state=tmp_path)
    assert web.ask(SITE).status == 503
    assert web.ask(SITE).headers["retry-after"] == "1"

    web = running(tmp_path)
    seconds(web, 1)
    assert web.ask(f"{SITE}?from=x").status == 400
    assert web.ask("/api/v1/sites/nowhere/history").status == 404
    assert web.ask("/api/v1/pools/nowhere/history").status == 404
    assert web.ask("/api/v1/miners/nobody/history").status == 404
    assert web.ask(SITE, accept="text/html").status == 406
    assert web.ask(f"{SITE}?from=-1e12&to=1e12&step=1").status == 200


def test_energy_is_the_controllers(tmp_path: Path) -> None:
    web = running(tmp_path)
    seconds(web, 130)
    minute = NOW // 60
    with open_store(tmp_path / STORE_FILE) as db:
        rows: list[Any] = [
            ("hall-a", "", minute, 5.0, "meter", 6.0, 0.5, 1.0, 4.0, 60.0, 60.0),
            ("hall-a", "ann", minute, 1.0, "model", None, 0, 0, 0, 60.0, 0.0),
            ("hall-b", "", minute, 9.0, "meter", 6.0, 0, 0, 0, 60.0, 60.0),
        ]
        db.executemany(
            "INSERT INTO energy_minute VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows
        )
    db.close()

    columns = web.ask(f"{SITE}?from={NOW}&step=60").json["columns"]

    assert columns["energy_wh"][:2] == [5.0, None]
    assert columns["curtailed_wh"][0] == 0.5
    assert columns["machine_s_down"][0] == 1.0


def test_a_worker_has_the_minutes_of_the_ledger(tmp_path: Path) -> None:
    web = running(tmp_path)
    minute = NOW // 60
    seconds(web, 300)
    web.hall.clock.advance(120)
    ledger = open_ledger(tmp_path / LEDGER_FILE, durability="process")
    ledger.executemany(
        "INSERT INTO work_minute VALUES (?, ?, ?, ?, ?, ?)",
        [
            ("hall-a", "rack-a.1", minute + 1, 3, 1, 6.0),
            ("hall-a", "rack-a.2", minute + 1, 9, 9, 9.0),
            ("hall-b", "rack-a.1", minute + 1, 9, 9, 9.0),
        ],
    )
    ledger.close()

    found = web.ask(f"/api/v1/miners/rack-a.1/history?from={minute * 60}").json

    assert (found["worker"], found["step"]) == ("rack-a.1", 60)
    accepted = found["columns"]["accepted"]
    assert accepted[:3] == [0, 3, 0]  # it ran: no share is none
    assert accepted[-1] is None  # it did not
    assert found["columns"]["hashrate_hs"][1] == round(6.0 * 2**32 / 60, -2)


def test_a_ledger_that_cannot_be_read_is_no_fault_of_who_asks(tmp_path: Path) -> None:
    web = running(tmp_path)
    (tmp_path / LEDGER_FILE).write_bytes(b"no database, and long enough" * 100)

    reply = web.ask("/api/v1/miners/rack-a.1/history")

    assert reply.status == 503
    assert "cannot be read" in reply.json["detail"]


def test_one_workers_minutes_are_found_without_reading_all(tmp_path: Path) -> None:
    db = open_ledger(tmp_path / LEDGER_FILE, durability="process")
    sql = WORK.format(span="minute", length=60)

    plan = db.execute(f"EXPLAIN QUERY PLAN {sql}", (1, 2, "hall-a", "rack-a.1"))
    steps = [row[3] for row in plan]
    db.close()

    assert any("(minute=? AND site=? AND worker=?)" in step for step in steps)
