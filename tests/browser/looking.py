"""What tests of the pages share."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

ROOT = Path(__file__).parents[2]
PAGES = ("/", "/fleet", "/fleet?table", "/pools", "/tenants", "/events", "/m/r001.07")
WIDTHS = (390, 768, 1440, 2560)
THEMES = ("light", "dark")
TOKEN = "open the hall"  # noqa: S105  (a test's)
PATIENCE = 60.0
"""Seconds: a machine may be busy with other things."""


@frozen
class Hall:
    """A server of pages under test."""

    url: str
    port: int
    process: subprocess.Popen[bytes]


def until(true: Callable[[], Any], patience: float = PATIENCE) -> float:
    """Wait for a condition; return how long that took, seconds."""
    begun = time.perf_counter()
    while not true():
        assert time.perf_counter() - begun < patience, "it did not become true"
        time.sleep(0.05)
    return time.perf_counter() - begun


@define
class Tab:
    """A page, and what its console was told."""

    page: "Page"
    told: list[str] = field(factory=list)

    @classmethod
    def of(cls, context: "BrowserContext", url: str) -> "Tab":
        """Open a page and wait until it is live."""
        tab = cls(context.new_page())
        tab.page.on("console", lambda one: tab.told.append(f"{one.type}: {one.text}"))
        tab.page.on("pageerror", lambda one: tab.told.append(str(one)))
        tab.go(url)
        return tab

    def go(self, url: str) -> None:
        """Load another page and wait until it is live, and no part of it waits."""
        self.page.goto(url)
        until(self.is_live)
        until(lambda: "Waiting for" not in self.text("main"))

    def look(self, width: int, theme: str) -> None:
        """Have a width and a theme, and wait until that is drawn."""
        self.page.set_viewport_size({"width": width, "height": 1200})
        self.page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        until(lambda: self.run("innerWidth") == width)
        self.run("new Promise((r) => requestAnimationFrame(() => setTimeout(r, 50)))")

    def is_live(self) -> bool:
        """Return whether the page says so."""
        return bool(self.run("!!document.querySelector('.link.live')"))

    def text(self, selector: str) -> str:
        """Return the text of an element."""
        return str(self.run(f"document.querySelector({selector!r})?.innerText ?? ''"))

    def run(self, script: str) -> Any:
        """Run a script in the page: not in the page's policy, which forbids it."""
        return self.page.evaluate(script)

    def faults(self, axe: str) -> list[str]:
        """Return what axe has to say against the page."""
        if not self.run("'axe' in window"):
            self.run(axe)
        found = self.run("axe.run().then((r) => r.violations)")
        return [
            f"{one['id']}: {node['html'][:200]}"
            for one in found
            for node in one["nodes"]
        ]
