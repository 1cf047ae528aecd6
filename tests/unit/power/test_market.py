"""What machines earn, and up to which price they do."""

import pytest

from proxy.power.orders.market import breakeven, earned, hashprice_of


def test_a_machine_of_30_joules_earns_its_electricity_up_to_62_50() -> None:
    # 1 PH/s at 30 J/TH draws 30 kW; at 45 a PH/s and day that is 62.5 a MWh.
    assert breakeven(1e15, 30_000.0, 45.0) == pytest.approx(62.5)
    assert breakeven(104e12, 104 * 30.0, 45.0) == pytest.approx(62.5)


def test_an_hour_earns_a_24th_of_the_hashprice() -> None:
    assert earned(2e15, 48.0) == 4.0


def test_hashprice_comes_of_difficulty_reward_and_the_price_of_bitcoin() -> None:
    # 1 PH/s finds 86400e15 / (150e12 * 2**32) blocks a day.
    assert hashprice_of(150e12, 3.15, 90_000.0) == pytest.approx(38.02, abs=0.01)
