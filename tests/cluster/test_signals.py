"""Two whole proxies under one budget: signals of the site, drain, what is refused."""

import json
import socket
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from proxy.cluster.migrate import migrate
from tests.cluster.postgres import Postgres
from tests.cluster.proxy_process import (
    BUDGET_W,
    ProxyProcess,
    end_pool,
    start_pool,
    until,
)
from tests.support import free_port

TOKEN = "a-token-of-some-length-0123456789"  # noqa: S105
SIGNALS = """
[[cluster.sites.signals]]
kind = "http"
name = "grid"
listen = "tcp:{port}:interface=127.0.0.1"
token = "{token}"
lease_s = 600
[[cluster.sites.signals]]
kind = "schedule"
file = "{schedule}"
"""
SCHEDULE = "start,end,watts\n2020-01-01T00:00:00,2090-01-01T00:00:00,350000\n"


class Two:
    """The proxies, and where each takes orders for the whole site."""

    def __init__(self, folder: Path, url: str, pool: int) -> None:
        (folder / "plant.csv").write_text(SCHEDULE)
        self.ports = {name: free_port() for name in ("hall-a", "hall-b")}
        self.proxies = {
            name: ProxyProcess(
                folder,
                name,
                url,
                pool,
                halls=2,
                plant=SIGNALS.format(
                    port=port, token=TOKEN, schedule=folder / "plant.csv"
                ),
            )
            for name, port in self.ports.items()
        }

    def order(self, name: str, **body: Any) -> dict[str, Any]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.ports[name]}/v1/orders",
            json.dumps(body).encode(),
            {"Authorization": f"Bearer {TOKEN}"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            found: dict[str, Any] = json.load(answer)
        return found

    def listen(self) -> bool:
        """Tell whether both take orders."""
        for port in self.ports.values():
            with socket.socket() as line:
                if line.connect_ex(("127.0.0.1", port)):
                    return False
        return True

    def budgets(self) -> list[float]:
        return [proxy.plant().get("budget_w", 0.0) for proxy in self.proxies.values()]

    def member(self, name: str) -> dict[str, Any]:
        members = self.proxies["hall-a"].plant().get("members", [])
        found = [one for one in members if one["name"] == name]
        return found[0] if found else {}


@pytest.fixture
def two(postgres: Postgres, folder: Path) -> Iterator[Two]:
    migrate(postgres.url, ["plant"])
    pool, port = start_pool()
    made = Two(folder, postgres.url, port)
    for proxy in made.proxies.values():
        proxy.start()
    yield made
    for proxy in made.proxies.values():
        proxy.stop()
    end_pool(pool)


def stored(url: str) -> list[tuple[str, int]]:
    with psycopg.connect(url, options="-c search_path=baseload") as connection:
        return connection.execute(
            "SELECT source, count(*) FROM site_order GROUP BY source ORDER BY source"
        ).fetchall()


def test_signals_of_a_site_rule_all_halls_and_are_stored_once(
    postgres: Postgres, two: Two
) -> None:
    until("led", lambda: all(p.plant().get("leader") for p in two.proxies.values()))
    until("the schedule rules", lambda: two.budgets() == [350_000.0] * 2)
    assert stored(postgres.url) == [("schedule", 1)]
    until("both listen", two.listen)
    began = time.monotonic()
    assert two.order("hall-a", watts=300_000, seq=7)["taken"]
    until("ordered", lambda: two.budgets() == [300_000.0] * 2)
    took = time.monotonic() - began
    assert two.order("hall-b", watts=300_000, seq=7)["taken"]
    time.sleep(2.0)

    assert stored(postgres.url) == [("grid", 1), ("schedule", 1)]
    sys.stderr.write(f"\norder over HTTP to both proxies' budgets: {took:.2f} s\n")
    two.order("hall-b", watts=2 * BUDGET_W, seq=8)
    until("the schedule rules", lambda: two.budgets() == [350_000.0] * 2)
    kinds = two.proxies["hall-a"].event_kinds()
    assert {"grant", "leader"} & kinds
    assert "order" in kinds

    _drains(two)


def _drains(two: Two) -> None:
    """A hall that is drained wants nothing, and leave of one that lives is refused."""
    two.proxies["hall-b"].ask("drain")
    until("draining", lambda: two.member("hall-b").get("state") == "draining")
    until("at its floor", lambda: two.member("hall-b")["need_w"] == 0)
    assert two.proxies["hall-a"].ask("cluster.leave", member="hall-b") is None
    two.proxies["hall-b"].ask("undrain")
    until("back", lambda: two.member("hall-b").get("state") == "live")
