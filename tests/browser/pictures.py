"""Pictures of every page of a running proxy, to be looked at.

`python -m tests.browser.pictures URL FOLDER [WIDTH ...]` takes each page in both
themes, `PAGE-WIDTH-THEME.png`.
"""

import shutil
import sys
import time
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.browser.looking import THEMES, WIDTHS, Tab, until


def pages_of(url: str, machine: str) -> dict[str, str]:
    """Return the address of each page by its name."""
    names = ("fleet", "pools", "tenants", "events")
    found = {
        "now": url,
        "table": f"{url}fleet?table",
        "machine": f"{url}m/{machine}",
    }
    return found | {name: url + name for name in names}


def take(browser: Browser, url: str, folder: Path, width: int, theme: str) -> None:
    """Take every page at a width in a theme."""
    context = browser.new_context(
        viewport={"width": width, "height": 900 if width < 2000 else 1300},
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
    )
    tab = Tab.of(context, url)
    worker = tab.run(
        "fetch(`/api/v1/sites/${document.querySelector('.end .dim').innerText}/map`)"
        ".then((r) => r.json()).then((m) => m.workers[0])"
    )
    for name, address in pages_of(url, worker).items():
        tab.go(address)
        until(lambda: "Waiting" not in tab.text("main"))
        time.sleep(1.5)  # a frame or two
        tab.page.screenshot(path=folder / f"{name}-{width}-{theme}.png", full_page=True)
    if tab.told:
        print(theme, width, tab.told)  # noqa: T201  (it is what the run is for)
    context.close()


def main(url: str, folder: Path, widths: list[int]) -> None:
    """Take all pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox"]
        )
        for width in widths:
            for theme in THEMES:
                take(browser, url, folder, width, theme)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), [*map(int, sys.argv[3:])] or [*WIDTHS])
