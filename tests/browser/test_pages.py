"""Every page, in both themes, at the widths of a telephone and of a desk."""

from collections.abc import Callable
from operator import ne
from typing import TYPE_CHECKING

import pytest

from tests.browser.looking import PAGES, Hall, Tab, until

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TABS = 8
"""Two more than the connections that a browser opens to one host."""


@pytest.mark.parametrize(("theme", "width"), [("dark", 390), ("light", 1600)])
def test_no_page_has_a_fault_or_a_word_for_the_console(
    browser: "Browser",
    hall_of: Callable[..., Hall],
    axe: str,
    theme: str,
    width: int,
) -> None:
    hall = hall_of(200)
    context = browser.new_context(
        viewport={"width": width, "height": 1200},
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
    )
    tab = Tab.of(context, hall.url)
    for path in PAGES:
        tab.go(hall.url + path)
        assert tab.faults(axe) == [], path
        spill = tab.run("document.documentElement.scrollWidth - innerWidth")
        assert spill <= 0, path
    assert tab.told == []
    context.close()


def test_eight_tabs_are_live_over_one_stream(
    browser: "Browser", hall_of: Callable[..., Hall]
) -> None:
    hall = hall_of(50)
    context = browser.new_context()
    tabs = [Tab.of(context, hall.url) for _ in range(TABS)]
    before = [tab.text("time") for tab in tabs]
    until(lambda: all(map(ne, before, [tab.text("time") for tab in tabs])))
    assert [tab.told for tab in tabs] == [[]] * TABS
    context.close()


def test_a_page_says_that_it_is_old_and_lives_again(
    browser: "Browser", hall_of: Callable[..., Hall]
) -> None:
    hall = hall_of(50)
    context = browser.new_context()
    tab = Tab.of(context, hall.url)
    figure = tab.text(".figure")
    hall.process.kill()
    hall.process.wait()
    until(lambda: "old. It stands as it was" in tab.text(".notice"))
    assert figure.split()[0] in tab.text(".tiles"), "what was known stays"
    hall_of(50, hall.port)
    until(tab.is_live)
    assert tab.text(".notice") == ""
    context.close()


def test_keys_go_through_the_hall_and_open_a_machine(
    browser: "Browser", hall_of: Callable[..., Hall]
) -> None:
    hall = hall_of(200)
    context = browser.new_context(viewport={"width": 1600, "height": 1200})
    tab = Tab.of(context, hall.url + "/fleet")
    tab.page.focus(".map canvas")
    tab.page.keyboard.press("ArrowRight")
    until(lambda: "r001.01" in tab.text(".under"))
    tab.page.keyboard.press("PageDown")
    until(lambda: "r002.01" in tab.text(".under"))
    tab.page.keyboard.press("t")
    until(lambda: "Of expected" in tab.text("table"))
    tab.page.keyboard.press("t")
    until(lambda: tab.run("!!document.querySelector('.map canvas')"))
    tab.page.focus(".map canvas")
    tab.page.keyboard.press("ArrowRight")
    tab.page.keyboard.press("Enter")
    until(lambda: tab.text("h1") == "r001.01")
    assert tab.page.url == hall.url + "/m/r001.01"
    context.close()
