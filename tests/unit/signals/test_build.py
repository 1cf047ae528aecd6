import asyncio
from pathlib import Path

import pytest
from twisted.internet.testing import MemoryReactorClock

from protocol.setpoint.simple_map import SimpleMap
from protocol.units import Seconds, UnixTime
from proxy.config import PowerConfig, Secret, SignalConfig
from proxy.config.meter import MeterConfig
from proxy.power.control.wall_clock import SteadyClock
from proxy.signals.build import meter_of, relay_of, signals_of
from proxy.signals.http_orders import HttpOrders
from proxy.signals.modbus_meter import PlainMeter, SunSpecMeter
from proxy.signals.modbus_orders import ModbusOrders
from proxy.signals.schedule_source import ScheduleSource

STOPPED = SteadyClock(lambda: UnixTime(0.0), lambda: 0.0)


def power(**changes: object) -> PowerConfig:
    return PowerConfig(budget_w=1e6, fail_safe_w=1e5, **changes)  # type: ignore[arg-type]


def test_each_signal_is_made_of_its_row(tmp_path: Path) -> None:
    path = tmp_path / "plan.csv"
    path.write_text("start,end,watts\n2026-01-01,2026-01-02,1\n")
    rows = (
        SignalConfig(kind="schedule", name="plan", file=path),
        SignalConfig(kind="http", listen="tcp:8090", token=Secret("t"), lease_s=20),
    )

    plan, http = signals_of(
        "hall-a", power(signals=rows), MemoryReactorClock(), STOPPED
    )

    assert isinstance(plan, ScheduleSource)
    assert (plan.name, plan.lease_s) == ("plan", None)
    assert isinstance(http, HttpOrders)
    assert (http.name, http.lease_s) == ("http", Seconds(20.0))


def test_a_modbus_signal_reads_its_units_sign_and_networks() -> None:
    row = SignalConfig(
        kind="modbus",
        name="scada",
        listen="tcp:1502",
        map="simple",
        units="MW",
        sign="generator",
        allow=("10.9.0.0/24",),
        unit=7,
    )

    (signal,) = signals_of(
        "hall-a", power(signals=(row,)), MemoryReactorClock(), STOPPED
    )

    assert isinstance(signal, ModbusOrders)
    assert (signal.name, signal.lease_s) == ("scada", Seconds(30.0))
    assert signal.may_come("10.9.0.7")
    assert signal.may_come("::ffff:10.9.0.7")
    assert not signal.may_come("127.0.0.1")


def test_a_plc_may_count_in_per_cent_of_the_contract() -> None:
    row = SignalConfig(kind="modbus", listen="tcp:1502", map="simple", units="percent")

    (signal,) = signals_of(
        "hall-a", power(signals=(row,)), MemoryReactorClock(), STOPPED
    )

    assert isinstance(signal, ModbusOrders)
    assert isinstance(signal._map, SimpleMap)
    assert signal._map.scale.watts(40) == 400_000.0


def test_a_kind_that_does_not_exist_yet_is_refused() -> None:
    rows = (SignalConfig(kind="mqtt"),)

    with pytest.raises(ValueError, match="mqtt"):
        signals_of("a", power(signals=rows), MemoryReactorClock(), STOPPED)


def test_a_meter_is_what_its_url_says_or_none() -> None:
    loop = asyncio.new_event_loop()
    meter = meter_of(power(meter="modbus://[fd00::9]:1502/3"), loop)
    loop.close()

    assert isinstance(meter, SunSpecMeter)
    assert meter._line.name == "meter fd00::9:1502/3"
    assert meter_of(power(), loop) is None


def test_a_table_is_a_meter_with_plain_registers() -> None:
    loop = asyncio.new_event_loop()
    table = MeterConfig(url="modbus://10.0.0.9/1", make="ABB B2x")
    meter = meter_of(power(meter=table), loop)
    loop.close()

    assert isinstance(meter, PlainMeter)
    assert meter._line.name == "meter 10.0.0.9:502/1"
    assert meter._place.address == 0x5B14


def test_a_relay_is_there_if_it_has_a_url() -> None:
    reactor = MemoryReactorClock()

    assert relay_of("hall-a", power(), reactor) is None
    assert relay_of("hall-a", power(relay="http://10.0.0.8/beat"), reactor) is not None
