"""What a time came to for each tenant: the figures of a statement, by HTTP."""

import csv
from pathlib import Path
from typing import Any

import pytest

from proxy.records.month import Month
from proxy.records.statement import statements
from proxy.records.tenants import Tenants, addresses_in
from tests.fakes.web import Web
from tests.unit.records.state import START, a_state

ALL = f"/api/v1/tenants?from={START}&to={START + 31 * 86_400}"


@pytest.fixture
def web(tmp_path: Path) -> Web:
    """Return the web side of a plant that has a month behind it."""
    config = a_state(tmp_path)
    web = Web(state=Path(config.proxy.state_dir))
    web.running.config = config
    web.running.wall_clock = lambda: START + 40 * 86_400
    return web


def test_a_months_figures_are_the_statements(web: Web) -> None:
    state = web.state
    tenants = Tenants.of(web.running.config, addresses_in(state / "controller.sqlite3"))
    month = Month.of("2026-01")
    stated = statements(state, month, tenants, START + 40 * 86_400)

    found = web.ask(ALL).json

    assert (found["from"], found["to"]) == (START, START + 31 * 86_400)
    rows = {row["tenant"]: row for row in found["tenants"]}
    assert [*rows] == [one.tenant for one in stated] == ["", "acme", "zeta"]
    for one in stated:
        ((site, sums),) = one.sites()
        row: dict[str, Any] = rows[one.tenant]
        assert row["site"] == site
        for name in ("hours", "accepted", "rejected", "work", "hashrate_hs", "seen"):
            assert row[name] == pytest.approx(getattr(sums, name))
        for name in ("wh", "curtailed_wh", "machine_s_down", "machine_wh"):
            assert row[name] == pytest.approx(getattr(sums, name))
        assert row["joules_per_terahash"] == pytest.approx(sums.joules_per_terahash)


def test_a_table_has_the_same_rows(web: Web) -> None:
    table = web.ask(ALL, accept="text/csv")

    rows = [*csv.DictReader(table.body.decode().splitlines())]
    assert [row["tenant"] for row in rows] == ["", "acme", "zeta"]
    assert float(rows[1]["wh"]) == 9000.0


def test_part_of_a_time_has_what_its_hours_have(web: Web) -> None:
    found = web.ask(f"/api/v1/tenants?from={START + 1800}&to={START + 7200}").json

    assert (found["from"], found["to"]) == (START, START + 7200)
    assert found["tenants"][0]["accepted"] == 60
    assert found["tenants"][0]["hours"] == 2.0


@pytest.mark.parametrize("query", ["from=-1e12&to=1e12", "from=1e12", "to=-5"])
def test_a_time_that_is_too_long_or_none_is_cut(web: Web, query: str) -> None:
    reply = web.ask(f"/api/v1/tenants?{query}")

    assert reply.status == 200
    assert 3600 <= reply.json["to"] - reply.json["from"] <= 35 * 86_400


def test_without_a_ledger_nobody_did_anything(tmp_path: Path) -> None:
    web = Web(state=tmp_path)
    assert web.ask("/api/v1/tenants").json["tenants"] == []
    table = web.ask("/api/v1/tenants", accept="text/csv").body
    assert table.startswith(b"tenant,site,hours,")


def test_a_ledger_that_cannot_be_read_is_said(web: Web) -> None:
    (web.state / "ledger.sqlite3").write_bytes(b"no database, and long enough" * 100)

    assert web.ask(ALL).status == 503
