"""Signals of every kind at one site that disagree: the lowest word rules."""

import itertools
from typing import Any

import pytest

from protocol.units import Seconds
from tests.fakes.order_desk import BUDGET, FAIL_SAFE, OrderDesk
from tests.unit.signals.test_http_orders import Desk
from tests.unit.signals.test_modbus_orders import Plant as ModbusPlant
from tests.unit.signals.test_mqtt_orders import Plant as MqttPlant
from tests.unit.signals.test_price_signal import ONE, Market, rows

LEASE = Seconds(30.0)


class Site:
    """Four signals of one site."""

    def __init__(self) -> None:
        leases = {"scada": LEASE, "plant": LEASE, "grid": LEASE, "price": None}
        self.desk = OrderDesk(leases)
        self.modbus, self.mqtt, self.market = (
            at_desk(kind, self.desk) for kind in (ModbusPlant, MqttPlant, Market)
        )
        self.http = Desk(self.desk, self.desk.clock)

    def say(self, **watts: int) -> None:
        """Say each several times, so that no first word is left."""
        master = self.modbus.master()
        for _ in range(3):
            self.desk.clock.advance(1.0)
            if "modbus" in watts:
                assert master.say(watts["modbus"]) == 0
            if "mqtt" in watts:
                assert self.mqtt.order(watts["mqtt"])["taken"]
            if "http" in watts:
                assert self.http.order(watts=watts["http"])[0] == 200

    @property
    def watts(self) -> float:
        return float(self.desk.budget.watts)


def at_desk(kind: type, desk: OrderDesk) -> Any:
    made: Any = kind()
    made.desk, made.clock = desk, desk.clock
    if kind is Market:
        desk.groups = [*kind().desk.groups]
        made.paper.data = rows(60.0, 60.0)
    made.open()
    return made


@pytest.mark.parametrize(
    "order", [*itertools.permutations([200_000, 300_000, 500_000])]
)
def test_the_lowest_word_rules_whoever_says_it(order: tuple[int, ...]) -> None:
    site = Site()

    site.say(**dict(zip(("modbus", "mqtt", "http"), order, strict=True)))

    assert site.watts == 200_000


def test_a_price_rules_where_it_is_the_lowest() -> None:
    site = Site()

    site.say(modbus=900_000, mqtt=800_000, http=700_000)

    assert site.watts == ONE
    site.say(modbus=900_000, mqtt=100_000, http=700_000)
    assert site.watts == 100_000


def test_one_that_falls_silent_lowers_whatever_the_others_say() -> None:
    site = Site()
    site.say(modbus=300_000, mqtt=300_000, http=300_000)
    for _ in range(31):
        site.desk.clock.advance(1.0)
        assert site.modbus.master().say(300_000) == 0
        site.http.order(watts=300_000)

    assert site.watts == FAIL_SAFE < BUDGET
    assert site.desk.budget.lapsed == ("plant",)
