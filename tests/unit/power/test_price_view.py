"""What a price makes of a site: what its models need, earn and save."""

import msgspec
import pytest

from protocol.units import Watts
from proxy.admin.render_power import plan as plan_text
from proxy.admin.render_price import price_lines
from proxy.power.orders.market import Market
from proxy.power.views.market import models, needs_w, price_view
from proxy.power.views.show import dry_run
from tests.unit.power.sites import Site
from tests.unit.power.tables import later

MIXED = ("park.1", "park.2", "lux.1")


def mixed() -> Site:
    site = Site(*MIXED)
    site.live(range(1, 11))
    return site


def test_machines_are_summed_by_model_the_best_ahead() -> None:
    site = mixed()

    found = models(site.control)

    assert sum(group.count for group in found) == len(MIXED)
    worth = [group.hash_hs / group.watts for group in found]
    assert worth == sorted(worth, reverse=True)
    assert all(group.running <= group.count for group in found)


def test_what_a_model_needs_lets_it_run_and_no_more_than_one_other() -> None:
    site = mixed()
    best, *rest = models(site.control)

    watts = needs_w(site.control, frozenset({best.model}))
    none, every = (
        needs_w(site.control, frozenset(names))
        for names in ((), {best.model, *(group.model for group in rest)})
    )

    assert none < watts < every
    fleet = site.control.table.fleet
    largest = float(fleet.full_w.max())
    assert watts - none >= best.count * best.watts - largest
    would = dry_run(site.control, watts, later(11))
    assert would is not None


def test_a_site_without_a_price_signal_shows_none() -> None:
    assert price_view(mixed().control, later(11)) is None


def test_what_is_earned_paid_and_saved_in_an_hour_is_shown() -> None:
    site = mixed()
    best, *rest = models(site.control)
    shed = tuple(group.model for group in rest)
    site.control.market = Market("price", 80.0, 10.0, "EUR", 45.0, shed=shed)

    view = price_view(site.control, later(11))

    assert view is not None
    assert (view.cost, view.hashprice) == (90.0, 45.0)
    assert view.models[0].breakeven == pytest.approx(
        45.0 / 24 / 1e15 * best.hash_hs / best.watts * 1e6
    )
    assert [m.is_shed for m in view.models] == [False] + [True] * len(rest)
    assert view.paid_h is not None
    assert view.paid_h >= 0
    site.order(Watts(1.0), at=12)
    site.live(range(12, 20))
    at_rest = price_view(site.control, later(20))
    assert at_rest is not None
    expected = sum(
        (g.count - g.running) * (90.0 * g.watts / 1e6 - 45.0 / 24 * g.hash_hs / 1e15)
        for g in models(site.control)
        if g.model in shed
    )
    assert at_rest.saved_h == pytest.approx(expected)


def test_a_plan_says_what_each_machine_has_to_earn() -> None:
    site = mixed()
    site.control.market = Market("price", 80.0, 0.0, "EUR", 45.0)

    would = dry_run(site.control, Watts(1_000.0), later(11))

    assert would is not None
    assert would.steps
    worth = {m.model: m.hash_hs / m.watts for m in models(site.control)}
    for step in would.steps:
        assert step.breakeven == pytest.approx(45.0 / 24 / 1e9 * worth[step.model])
    text = plan_text(
        {
            **{k: getattr(would, k) for k in would.__struct_fields__},
            "steps": [
                {k: getattr(s, k) for k in s.__struct_fields__} for s in would.steps
            ],
        }
    )
    assert "BREAKEVEN" in text


def test_what_is_not_known_is_said_to_be_so() -> None:
    price = {
        **dict.fromkeys(("price", "cost", "hashprice", "until", "known_until")),
        **dict.fromkeys(("earned_h", "paid_h", "saved_h")),
        "source": "price",
        "currency": "",
        "adders": 0.0,
        "models": [
            {
                "model": "S19",
                "machines": 2,
                "running": 0,
                "breakeven": None,
                "is_shed": True,
            }
        ],
    }

    lines = list(price_lines({"price": price}))

    assert lines == [
        "  price     not known now; prices are known until nothing",
        "            a PH/s and day: not known",
        "            S19: 0 of 2 run, breakeven not known, kept off by it",
    ]


def test_what_a_hashprice_is_made_of_is_shown_and_why_there_is_none() -> None:
    site = mixed()
    said = (
        "3.1500 BTC a block at difficulty 1.5e+14 (core, height 9), 60000 EUR a bitcoin"
    )
    site.control.market = Market("price", 80.0, 0.0, "EUR", 25.0, worth=said)
    lines = shown(site)
    assert any("a PH/s and day: 25.00" in line for line in lines)
    assert lines[2].strip() == said

    away = "node core: getblockchaininfo: no answer in 10 s"
    site.control.market = Market("price", 80.0, 0.0, "EUR", None, worth=away)
    lines = shown(site)
    assert any("a PH/s and day: not known" in line for line in lines)
    assert lines[2].strip() == away


def shown(site: Site) -> list[str]:
    view = msgspec.to_builtins(price_view(site.control, later(11)))
    return list(price_lines({"price": view}))
