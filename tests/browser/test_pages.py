"""Every page, in both themes, from the width of a telephone to that of a wall."""

from collections.abc import Callable
from itertools import product
from operator import ne
from typing import TYPE_CHECKING

import pytest

from tests.browser.looking import PAGES, THEMES, WIDTHS, Hall, Tab, until

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TABS = 8
"""Two more than the connections that a browser opens to one host."""


@pytest.mark.parametrize(
    ("kind", "machines", "widths", "themes"),
    [
        ("plain", 200, WIDTHS, THEMES),
        ("long", 60, (390, 1440), THEMES[:1]),
        ("nothing", 0, (390,), THEMES),
    ],
)
def test_no_page_has_a_fault_or_a_word_for_the_console(  # noqa: PLR0913, PLR0917
    browser: "Browser",
    hall_of: Callable[..., Hall],
    axe: str,
    kind: str,
    machines: int,
    widths: tuple[int, ...],
    themes: tuple[str, ...],
) -> None:
    hall = hall_of(machines, kind=kind)
    context = browser.new_context(reduced_motion="reduce")
    tab = Tab.of(context, hall.url)
    for path in PAGES:
        tab.go(hall.url + path)
        for width, theme in product(widths, themes):
            tab.look(width, theme)
            assert tab.faults(axe) == [], (path, width, theme)
            spill = tab.run("document.documentElement.scrollWidth - innerWidth")
            assert spill <= 0, (path, width)
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


def test_an_event_leads_to_the_charts_and_a_mark_of_a_chart_to_its_events(
    browser: "Browser", hall_of: Callable[..., Hall]
) -> None:
    hall = hall_of(50)
    context = browser.new_context(viewport={"width": 1600, "height": 1200})
    tab = Tab.of(context, hall.url)
    until(lambda: tab.run("document.querySelectorAll('.mark.alarm').length") >= 2)
    said = tab.run("document.querySelector('.mark.alarm').ariaLabel")
    assert "r001.07 hashes though it was told to stop" in said
    tab.page.locator(".mark.alarm").first.click()
    until(lambda: "within 2 min of" in tab.text(".title"))
    rows = "document.querySelectorAll('tbody tr').length"
    until(lambda: 1 <= tab.run(rows) <= 8)  # of 60
    tab.page.locator("tbody a").first.click()
    until(lambda: tab.text("h1") == "Now")
    assert "?at=" in tab.page.url
    pressed = "[...document.querySelectorAll('.title [aria-pressed=true]')].length"
    until(lambda: tab.run(pressed) == 1)
    assert tab.told == []
    context.close()


def _drawn(tab: Tab) -> list[bool]:
    """Return whether there is ink before, in and after the gap."""
    return [bool(tab.run(f"({COLUMN})({x})")) for x in (0.3, 0.545, 0.9)]


def test_a_gap_in_the_past_is_a_gap_in_the_line(
    browser: "Browser", hall_of: Callable[..., Hall]
) -> None:
    hall = hall_of(50)
    context = browser.new_context(viewport={"width": 1600, "height": 1200})
    tab = Tab.of(context, hall.url)
    for title in ("1 h", "1 day", "35 days"):
        tab.page.get_by_role("button", name=title, exact=True).click()
        until(lambda: "MW" in tab.text(".keys") or "kW" in tab.text(".keys"))
        until(lambda: tab.run(INK) > 0)
        until(lambda: _drawn(tab) == [True, False, True])
    assert [one for one in tab.told if "getImageData" not in one] == [], "but ours"
    context.close()


COLUMN = """(part) => {
  const canvas = document.querySelector(".plot canvas");
  const ctx = canvas.getContext("2d");
  const ratio = devicePixelRatio;
  const left = 74 * ratio, right = canvas.width - 28 * ratio;
  const x = Math.round(left + (right - left) * part);
  const { data } = ctx.getImageData(x, 0, 1, canvas.height - 30 * ratio);
  let blue = 0;
  for (let at = 0; at < data.length; at += 4)
    if (data[at + 3] > 100 && data[at + 2] > data[at] + 60) blue++;
  return blue > 0;
}"""
"""Whether the line of the first chart is seen at a part of its width."""

INK = f"({COLUMN})(0.3) ? 1 : 0"
