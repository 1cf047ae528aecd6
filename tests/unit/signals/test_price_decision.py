"""Which models run at a price, and for how long at least."""

from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.units import HashesPerSecond, Seconds, Watts
from proxy.power.orders.market import ModelGroup, breakeven
from proxy.signals.price_decision import PriceDecision, PricePolicy

HASHPRICE = 45.0
OLD = ModelGroup("S19", 10, Watts(3_250.0), HashesPerSecond(95e12))
NEW = ModelGroup("S21", 10, Watts(3_500.0), HashesPerSecond(200e12))
GROUPS = (NEW, OLD)
# 45 / 24 / 0.0342 and 45 / 24 / 0.0175: about 54.8 and 107.1 a MWh.


def runs(
    decision: PriceDecision, price: float | None, now: float, adders: float = 0.0
) -> str | None:
    found = decision.decide(GROUPS, price, adders, HASHPRICE, Seconds(now))
    return None if found is None else " ".join(sorted(found))


def at_once(**changes: object) -> PriceDecision:
    plain = {"min_on_s": Seconds(0.0), "min_off_s": Seconds(0.0), **changes}
    return PriceDecision(PricePolicy(**plain))  # type: ignore[arg-type]


def test_each_model_runs_up_to_its_breakeven() -> None:
    decision = at_once()

    assert runs(decision, 54.0, 0) == "S19 S21"
    assert runs(decision, 55.0, 10) == "S21"
    assert runs(decision, 107.0, 20) == "S21"
    assert runs(decision, 108.0, 30) == ""


def test_what_is_paid_beside_it_counts() -> None:
    assert runs(at_once(), 30.0, 0, adders=30.0) == "S21"


def test_a_model_comes_back_only_when_that_is_clearly_worth_it() -> None:
    decision = at_once(hysteresis=0.05)
    runs(decision, 60.0, 0)

    assert runs(decision, 54.0, 10) == "S21"
    assert runs(decision, 52.0, 20) == "S19 S21"
    assert runs(decision, 54.0, 30) == "S19 S21"  # and goes only when it is dear


def test_a_model_is_left_on_and_off_for_a_while_at_least() -> None:
    decision = PriceDecision(PricePolicy(min_on_s=Seconds(600), min_off_s=Seconds(900)))
    assert runs(decision, 60.0, 0) == "S21"

    assert runs(decision, 10.0, 1) == "S19 S21"  # nobody has switched it yet
    assert runs(decision, 60.0, 600) == "S19 S21"
    assert runs(decision, 60.0, 601) == "S21"
    assert runs(decision, 10.0, 1500) == "S21"
    assert runs(decision, 10.0, 1501) == "S19 S21"


def test_a_price_that_is_missing_changes_nothing() -> None:
    decision = at_once()
    assert runs(decision, None, 0) is None
    runs(decision, 60.0, 10)

    assert runs(decision, None, 20) is None
    assert decision.decide(GROUPS, 10.0, 0.0, None, Seconds(30)) is None
    assert runs(decision, 10.0, 40) == "S19 S21"


def test_an_operator_may_choose_what_a_missing_price_does() -> None:
    assert runs(at_once(on_missing="shed"), None, 0) == ""
    assert runs(at_once(on_missing="run"), None, 0) == "S19 S21"


def test_a_negative_price_runs_all_or_nothing() -> None:
    assert runs(at_once(), -50.0, 0) == "S19 S21"
    assert runs(at_once(negative="shed"), -50.0, 0) == ""
    # Fees may make it a cost all the same.
    assert runs(at_once(), -50.0, 0, adders=120.0) == "S21"


def test_after_a_restart_nothing_comes_back_too_soon() -> None:
    decision = at_once()
    decision.rest_until = Seconds(100.0)

    assert runs(decision, 10.0, 50) == ""
    assert runs(decision, 10.0, 100) == "S19 S21"


def test_machines_of_which_nothing_is_known_earn_nothing() -> None:
    unknown = ModelGroup("unknown", 1, Watts(4_000.0), HashesPerSecond(0.0))
    decision = at_once()

    for now, price, wanted in ((0, 1.0, ""), (1, 0.0, "unknown")):
        found = decision.decide([unknown], price, 0.0, HASHPRICE, Seconds(now))
        assert " ".join(found or ()) == wanted


prices = st.one_of(st.none(), st.floats(-200.0, 400.0))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(prices, st.floats(1.0, 2000.0)), max_size=40))
def test_a_missing_price_never_raises_and_a_switch_is_never_soon(
    said: list[tuple[float | None, float]],
) -> None:
    decision = PriceDecision(PricePolicy())
    now = 0.0
    before: frozenset[str] | None = None
    switched: dict[str, float] = {}
    for price, pause in said:
        now += pause
        found = decision.decide(GROUPS, price, 0.0, HASHPRICE, Seconds(now))
        assert (found is None) == (price is None)
        if found is None or price is None:
            continue
        for group in GROUPS:
            is_on, name = group.model in found, group.model
            was_on = None if before is None else name in before
            if was_on is not None and is_on != was_on:
                assert now - switched.get(name, -1e9) >= 900.0
                switched[name] = now
                worth = breakeven(group.hash_hs, group.watts, HASHPRICE)
                assert (price <= worth) == is_on
        before = found
