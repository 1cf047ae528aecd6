"""The pages of a running demo against its admin socket."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from attrs import frozen

from proxy.admin.client import call
from tests.browser.looking import ROOT, Tab, until

if TYPE_CHECKING:
    from playwright.sync_api import Browser

MACHINES = 24
IS_LONG = os.environ.get("LONG", "0") != "0"
SOON = 2.0 if IS_LONG else 30.0
"""Seconds until a parked machine's cell is another; a busy machine takes longer."""


@frozen
class Demo:
    """Where a demo is reached."""

    admin: Path
    page: str

    def site(self) -> dict[str, Any]:
        """Return what the admin socket says of its site."""
        found: dict[str, Any] = call(self.admin, "status", {})["sites"][0]
        return found


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    words = [str(Path(sys.executable).with_name("baseload")), "demo", "--json"]
    with subprocess.Popen(  # noqa: S603
        [*words, "--miners", str(MACHINES)], cwd=ROOT, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        yield Demo(Path(first["admin"]), first["page"])
        process.terminate()
        process.stdout.read()


def test_the_page_says_what_the_admin_socket_says(
    browser: "Browser", demo: Demo
) -> None:
    context = browser.new_context(viewport={"width": 1600, "height": 1200})
    until(lambda: demo.site()["miners"]["connected"] == MACHINES)
    tab = Tab.of(context, demo.page)

    def is_same() -> bool:
        site, tiles = demo.site(), tab.text(".tiles")
        figures = (
            f"{site['shares']['accepted']:,} accepted",
            f"of {site['miners']['connected']}, {site['miners']['parked']} parked",
            f"of {site['budget_w'] / 1000:.3g} kW",
        )
        return all(figure in tiles for figure in figures)

    until(is_same)
    for path in ("fleet", "pools", "tenants", "events"):
        tab.go(demo.page + path)
    assert tab.told == []
    context.close()


def test_the_cell_of_a_parked_machine_changes_at_once(
    browser: "Browser", demo: Demo
) -> None:
    context = browser.new_context(viewport={"width": 1600, "height": 1200})
    until(lambda: demo.site()["miners"]["connected"] == MACHINES)
    tab = Tab.of(context, demo.page + "fleet")
    worker = call(demo.admin, "miners", {})[0]["worker"]
    call(demo.admin, "park", {"machines": worker})
    took = until(lambda: "held by hand 1" in tab.text(".legend").replace("\n", " "))
    print(f"\nheld by hand after {took:.2f} s")  # noqa: T201
    assert took < SOON
    tab.go(f"{demo.page}m/{worker}")
    until(lambda: "by hand" in tab.text("main"))
    assert tab.told == []
    context.close()
