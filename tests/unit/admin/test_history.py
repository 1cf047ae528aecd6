from typing import Any

import pytest

from proxy.admin.history import BLOCKS, LABEL, PLAIN, PowerHistory, bars_for, least_rows

WIDTH = 80


def a_site(power: float, budget: float | None = 800.0) -> dict[str, Any]:
    rates = {"1m": power * 2}
    return {
        "name": "hall-a",
        "budget_w": budget,
        "power_w": power,
        "hashrate_hs": rates,
    }


def seen(powers: list[float], budget: float | None = 800.0) -> PowerHistory:
    history = PowerHistory()
    for second, power in enumerate(powers):
        sites = [a_site(power, budget)]
        history.add({"uptime_s": second + 0.01, "sites": sites})
    return history


def rows(
    history: PowerHistory, height: int = 4, width: int = WIDTH, **site: Any
) -> list[str]:
    drawn = history.chart(a_site(1.0, **site), width, height)
    return [line.plain for line in drawn]


def test_what_was_never_seen_is_not_drawn() -> None:
    assert rows(PowerHistory()) == []
    assert rows(seen([1.0]), width=LABEL) == []


def test_budget_and_power_share_a_scale_and_the_newest_is_right() -> None:
    budget, drawn, hashrate, axis = rows(seen([0.0, 400.0, 800.0]))

    assert [budget[-3:], drawn[-3:], hashrate[-3:]] == ["███", "▁▄█", "▁▄█"]
    assert budget[:LABEL].split() == ["budget", "800", "W"]
    assert hashrate[:LABEL].split() == ["hashrate", "1.6", "kH/s"]
    assert axis.endswith("now╵")


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize("height", [4, 5, 8, 14])
def test_every_row_fits_and_ends_with_the_newest(width: int, height: int) -> None:
    drawn = rows(seen([400.0] * 500 + [800.0]), height, width)

    assert {len(row) for row in drawn} == {width}
    assert len(drawn) == height
    assert drawn[-2][-1] == "█"
    assert "╵-30 s" in drawn[-1]


def test_a_high_chart_draws_the_budget_as_a_line_over_what_is_drawn() -> None:
    upper, _, lower, *_ = rows(seen([200.0] * 9, budget=800.0), height=6)

    assert upper[-9:] == "─" * 9
    assert lower[-9:] == "▆" * 9


def test_more_than_the_budget_is_drawn_through_by_its_line() -> None:
    first, _, third, *_ = rows(seen([900.0], budget=200.0), height=6)

    assert (first[-1], third[-1]) == ("█", "─")


def test_a_site_without_a_budget_has_its_hashrate_alone() -> None:
    site = a_site(1.0, budget=None)
    hashrate, _ = rows(seen([1.0, 2.0], budget=None), least_rows(site), budget=None)

    assert hashrate[:LABEL].split()[0] == "hashrate"
    assert hashrate.endswith("▄█")


def test_cells_alike_are_one_span() -> None:
    history = seen([400.0] * 300)

    for line in history.chart(a_site(400.0), 200, 14):
        assert len(line.spans) <= 3


def test_the_axis_says_how_long_ago() -> None:
    axis = rows(seen([1.0]), width=120)[-1]

    assert axis.index("╵-30 s") == 120 - 1 - 30
    assert axis.index("╵-90 s") == 120 - 1 - 90


def test_a_gap_stays_empty_and_a_late_look_leaves_none() -> None:
    history = PowerHistory()
    for second in (0, 2, 20):
        history.add({"uptime_s": second, "sites": [a_site(1.0)]})

    hashrate = rows(history)[2]
    assert hashrate[-21:] == "█" * 5 + " " * 15 + "█"


def test_a_proxy_that_was_started_again_begins_anew() -> None:
    history = seen([1.0] * 5)
    history.add({"uptime_s": 0.0, "sites": [a_site(1.0)]})

    assert rows(history)[2].count("█") == 1


def test_a_site_that_is_gone_is_forgotten() -> None:
    history = seen([1.0] * 5)
    history.add({"uptime_s": 9.0, "sites": []})

    assert rows(history) == []


@pytest.mark.parametrize(
    ("encoding", "bars"),
    [("utf-8", BLOCKS), ("ascii", PLAIN), ("latin-1", PLAIN), ("?", PLAIN)],
)
def test_a_terminal_gets_bars_that_it_can_show(encoding: str, bars: object) -> None:
    assert bars_for(encoding) is bars
    assert len(BLOCKS.levels) == len(PLAIN.levels)
