"""Who may steer does so from the page, with the effect said before; nobody else can."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.browser.looking import TOKEN, Hall, Tab, until

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def buttons(tab: Tab) -> list[str]:
    """Return what can be done on the page."""
    script = "[...document.querySelectorAll('.controls button')].map(b => b.innerText)"
    found: list[str] = tab.run(script)
    return found


def opened(tab: Tab, name: str) -> str:
    """Press a button; return what its dialog says once it is open."""
    tab.page.get_by_role("button", name=name, exact=True).last.click()
    until(lambda: tab.run("!!document.querySelector('dialog[open]')"))
    return tab.text("dialog")


def consent(tab: Tab) -> str:
    """Agree to a dialog; return what became of it."""
    tab.page.locator("dialog button.main").click()
    until(lambda: tab.text("dialog h2") in {"Done", "Refused", "Done in part"})
    found = tab.text("dialog")
    tab.page.keyboard.press("Escape")
    until(lambda: not tab.run("!!document.querySelector('dialog')"))
    return found


def log_in(tab: Tab, token: str = TOKEN) -> None:
    """Log in by keyboard alone."""
    tab.page.focus(".end button:last-child")
    tab.page.keyboard.press("Enter")
    until(lambda: tab.run("document.activeElement.name === 'token'"))
    tab.page.keyboard.type(token)
    tab.page.keyboard.press("Enter")


def test_a_session_steers_and_its_end_is_said(
    browser: "Browser", hall_of: Callable[..., Hall], axe: str
) -> None:
    context = browser.new_context(viewport={"width": 1600, "height": 1200})
    tab = Tab.of(context, hall_of(200).url)
    assert buttons(tab) == [], "nothing that can be steered is shown"
    log_in(tab, "guess")
    until(lambda: "Not logged in: that is not the token" in tab.text("dialog"))
    assert tab.faults(axe) == []
    tab.page.keyboard.press("Escape")
    log_in(tab)
    until(lambda: buttons(tab) == ["Set power…", "Drain…", "Reload…"])

    assert "asks the" in opened(tab, "Drain…")
    assert tab.faults(axe) == []
    assert "/api/v1/drain done" in consent(tab)

    opened(tab, "Set power…")
    tab.page.keyboard.type("30M")
    until(lambda: "Takes 10,028 machines 35.1 MW" in tab.text("dialog"))
    assert "would be 30.0 MW, by this order" in tab.text("dialog")
    assert "/api/v1/sites/hall-a/power done" in consent(tab)

    opened(tab, "Drain…")
    tab.run("fetch('/api/v1/expire', { method: 'POST', body: '{}' })")
    tab.page.locator("dialog button.main").click()
    until(lambda: "Your session has ended: nothing was done" in tab.text("dialog"))
    tab.page.keyboard.press("Escape")
    until(lambda: "Your session has ended" in tab.text(".notice"))
    assert buttons(tab) == []
    context.close()


def test_a_selection_is_parked_by_rack_and_refusals_are_said(
    browser: "Browser", hall_of: Callable[..., Hall], axe: str
) -> None:
    context = browser.new_context(viewport={"width": 1600, "height": 1200})
    tab = Tab.of(context, hall_of(200).url + "/fleet")
    log_in(tab)
    until(lambda: "picks" in tab.text(".under"))
    tab.page.focus(".map canvas")
    tab.page.keyboard.press("ArrowRight")
    tab.page.keyboard.press("Shift+Space")
    until(lambda: "60 picked" in tab.text(".card header"))
    tab.page.keyboard.press("PageDown")
    tab.page.keyboard.press("Space")
    until(lambda: "61 picked" in tab.text(".card header"))
    assert tab.faults(axe) == []

    said = opened(tab, "Park…")
    assert "Park 61 machines" in said
    assert "Held as r001.*, r002.01 until unparked" in said
    assert "/api/v1/miners/r002.01/park done" in consent(tab)
    until(lambda: "picked" not in tab.text(".card header"))

    tab.page.keyboard.press("/")
    tab.page.keyboard.type("r003.0")
    tab.page.get_by_role("button", name="Pick these 9").click()
    until(lambda: "9 picked" in tab.text(".card header"))
    opened(tab, "Kick…")
    assert "it has just left" in consent(tab)
    context.close()


def test_each_mode_has_its_bytes_and_a_table_with_the_same(
    browser: "Browser", hall_of: Callable[..., Hall]
) -> None:
    context = browser.new_context(viewport={"width": 1600, "height": 1200})
    tab = Tab.of(context, hall_of(200).url + "/fleet")
    for mode, look in (
        ("Temperature", "65 to 74 °C"),
        ("Last share", "within 1 min"),
        ("J/TH", "as its model"),
        ("Hashrate", "as expected"),
        ("Tenant", "northwind"),
    ):
        tab.page.get_by_role("button", name=mode, exact=True).click()
        until(lambda look=look: look in tab.text(".legend"))  # type: ignore[misc]
    tab.page.get_by_role("button", name="Temperature", exact=True).click()
    tab.page.keyboard.press("t")
    until(lambda: " °C" in tab.text("tbody"))
    assert tab.told == []
    context.close()
