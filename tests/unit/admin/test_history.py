from typing import Any

import pytest

from proxy.admin.history import BARS, LENGTH, PLAIN_BARS, PowerHistory, bars_for


def a_site(power: float, budget: float | None = 800.0) -> dict[str, Any]:
    rates = {"1m": power * 2}
    return {
        "name": "hall-a",
        "budget_w": budget,
        "power_w": power,
        "hashrate_hs": rates,
    }


def bars(history: PowerHistory, site: dict[str, Any]) -> list[str]:
    return [line.plain[10:].split("  ")[0] for line in history.lines(site)]


def test_one_look_is_no_line() -> None:
    history = PowerHistory()
    history.add({"sites": [a_site(400.0)]})

    assert history.lines(a_site(400.0)) == []


def test_budget_and_power_share_a_scale_and_the_newest_is_right() -> None:
    history = PowerHistory()
    for power in (0.0, 400.0, 800.0):
        history.add({"sites": [a_site(power)]})

    assert bars(history, a_site(800.0)) == ["███", "▁▅█", "▁▅█"]


def test_a_site_without_figures_is_drawn_as_nothing() -> None:
    history = PowerHistory()
    for _ in range(2):
        history.add({"sites": [{**a_site(0.0), "power_w": None}]})

    assert bars(history, a_site(0.0))[1:] == ["▁▁", "▁▁"]


def test_the_past_has_a_limit() -> None:
    history = PowerHistory()
    for _ in range(LENGTH + 50):
        history.add({"sites": [a_site(1.0)]})

    assert len(bars(history, a_site(1.0))[0]) == LENGTH


@pytest.mark.parametrize(
    ("encoding", "bars"),
    [
        ("utf-8", BARS),
        ("ascii", PLAIN_BARS),
        ("latin-1", PLAIN_BARS),
        ("?", PLAIN_BARS),
    ],
)
def test_a_terminal_gets_bars_that_it_can_show(encoding: str, bars: str) -> None:
    assert bars_for(encoding) == bars
    assert len(BARS) == len(PLAIN_BARS)
