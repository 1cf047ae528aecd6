"""A month by HTTP: the statement that the command prints, as a page and as a table."""

import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest

from proxy.records.month import Month
from proxy.records.page import csv_text, page
from proxy.records.statement import statements
from proxy.records.tenants import Tenants, addresses_in
from tests.fakes.web import Web
from tests.unit.records.state import START, a_state

NOW = START + 40 * 86_400
MONTH = "/api/v1/statement?month=2026-01"


@pytest.fixture
def web(tmp_path: Path) -> Web:
    """Return the web side of a plant that has a month behind it."""
    config = a_state(tmp_path)
    web = Web(state=Path(config.proxy.state_dir))
    web.running.config = config
    web.running.wall_clock = lambda: NOW
    return web


@pytest.mark.parametrize("tenant", [None, "acme"])
def test_it_is_what_the_command_prints(web: Web, tenant: str | None) -> None:
    tenants = Tenants.of(
        web.running.config, addresses_in(web.state / "controller.sqlite3")
    )
    month = Month.of("2026-01")
    stated = statements(web.state, month, tenants, NOW, tenant)
    path = MONTH + (f"&tenant={tenant}" if tenant else "")

    shown, table = web.ask(path), web.ask(path, accept="text/csv")

    assert shown.headers["content-type"] == "text/html; charset=utf-8"
    assert shown.body.decode() == page(stated)
    assert table.body.decode() == csv_text(stated)


def test_its_style_is_let_in_and_no_other(web: Web) -> None:
    found = web.ask(MONTH)

    (style,) = re.findall(rb"<style>(.*)</style>", found.body, re.DOTALL)
    digest = b64encode(sha256(style).digest()).decode()
    policy = found.headers["content-security-policy"]
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'; ")
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    "query",
    [
        "month=2026-13",
        "month=" + "9" * 4000,
        "zone=Nowhere/Else",
        "zone=../../etc/passwd",
        "zone=Asia/Kolkata",  # half an hour off: sums are of hours
        "tenant=nobody",
        "tenant=%3Cscript%3E",
    ],
)
def test_what_there_is_not_is_said(web: Web, query: str) -> None:
    found = web.ask(f"/api/v1/statement?{query}")

    assert found.status == found.json["status"] == 404
    assert found.headers["content-type"] == "application/problem+json"


def test_a_ledger_that_cannot_be_read_is_said(web: Web) -> None:
    (web.state / "ledger.sqlite3").write_bytes(b"no database, and long enough" * 100)

    assert web.ask(MONTH).status == 503
