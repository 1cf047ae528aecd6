"""Meter models, register by register."""

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import LocalError, MalformedMessageError
from protocol.sunspec.meter import (
    MeterReading,
    build_meter,
    meter_registers,
    parse_meter,
)
from protocol.sunspec.values import bytes_of, registers_of

NAN16 = 0x8000


def wye(**points: int) -> bytes:
    """Model 203 by hand: w at 18, w_sf at 22, hz 16/17, TotWhImp 46/47, its SF 54."""
    registers = [NAN16] * 107
    registers[0], registers[1] = 203, 105
    places = {"hz": 16, "hz_sf": 17, "w": 18, "w_sf": 22, "wh": 47, "wh_sf": 54}
    registers[46] = registers[47] = 0
    for name, value in points.items():
        registers[places[name]] = value & 0xFFFF
    return bytes_of(registers)


def test_watts_are_register_eighteen_times_ten_to_register_twenty_two() -> None:
    assert parse_meter(wye(w=20_000, w_sf=2)).watts == 2_000_000.0
    assert parse_meter(wye(w=4800, w_sf=4)).watts == 48_000_000.0
    assert parse_meter(wye(w=12_345, w_sf=-1)).watts == pytest.approx(1234.5)


def test_power_fed_back_is_negative() -> None:
    assert parse_meter(wye(w=-5, w_sf=3)).watts == -5000.0


def test_a_value_or_scale_that_is_not_implemented_is_no_number() -> None:
    assert math.isnan(parse_meter(wye(w=NAN16, w_sf=2)).watts)
    assert math.isnan(parse_meter(wye(w=100, w_sf=NAN16)).watts)
    nothing = parse_meter(wye())
    assert math.isnan(nothing.imported_wh)
    assert math.isnan(nothing.hertz)


def test_energy_and_frequency_have_scales_of_their_own() -> None:
    reading = parse_meter(wye(w=1, w_sf=0, wh=77, wh_sf=3, hz=4998, hz_sf=-2))

    assert reading.imported_wh == 77_000.0
    assert reading.hertz == pytest.approx(49.98)


@pytest.mark.parametrize("exponent", [11, -11, 0x7FFF])
def test_a_wild_scale_factor_is_the_meters_fault(exponent: int) -> None:
    with pytest.raises(MalformedMessageError, match="scale factor"):
        parse_meter(wye(w=1, w_sf=exponent))


def test_the_float_model_has_watts_at_twenty_eight_and_energy_at_sixty_eight() -> None:
    registers = [0x7FC0, 0] * 63
    registers[0], registers[1] = 213, 124
    registers[28:30] = registers_of(struct.pack(">f", 2e6))
    registers[26:28] = registers_of(struct.pack(">f", 50.5))
    registers[68:70] = registers_of(struct.pack(">f", 1024.0))

    reading = parse_meter(bytes_of(registers))

    assert reading == MeterReading(213, 2e6, 1024.0, 50.5)


def test_built_registers_are_where_the_layout_says() -> None:
    built = registers_of(build_meter(MeterReading(203, 2_000_000.0, 5e6, 50.0)))

    assert len(built) == 107
    assert (built[0], built[1]) == (203, 105)
    assert (built[18], built[22]) == (20_000, 2)
    assert (built[46], built[47], built[54]) == (0, 5000, 3)
    assert (built[16], built[17]) == (5000, 0xFFFE)
    assert built[2] == built[19] == NAN16


@pytest.mark.parametrize("model_id", [201, 202, 203, 204, 211, 212, 213, 214])
def test_every_meter_model_reads_back(model_id: int) -> None:
    reading = MeterReading(model_id, 1_234_000.0, 65_536_000.0, 50.0)

    block = build_meter(reading)

    assert len(block) == 2 * meter_registers(model_id)
    assert parse_meter(block) == reading


@given(st.floats(-3e14, 3e14))
def test_integer_watts_read_back_to_four_digits(watts: float) -> None:
    back = parse_meter(build_meter(MeterReading(203, watts))).watts

    assert back == pytest.approx(watts, rel=1e-3, abs=0.5)


@given(st.floats(width=32))
def test_float_watts_read_back_exactly(watts: float) -> None:
    back = parse_meter(build_meter(MeterReading(213, watts))).watts

    assert back == watts or (math.isnan(back) and math.isnan(watts))


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_but_a_remote_error(data: bytes) -> None:
    for head in (b"", b"\x00\xcb\x00\x69", b"\x00\xd5\x00\x7c"):
        try:
            parse_meter(head + data)
        except MalformedMessageError as error:
            assert str(error)  # noqa: PT017


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (b"\x00\xcb", "no SunSpec model"),
        (bytes_of([1, 66] + [0] * 66), "model 1 is no meter"),
        (bytes_of([203, 105] + [0] * 104), "of 212 B, wanted 214"),
        (bytes_of([203, 100] + [0] * 105), "meter model 203"),
    ],
)
def test_another_block_is_refused(block: bytes, message: str) -> None:
    with pytest.raises(MalformedMessageError, match=message):
        parse_meter(block)


def test_what_no_model_can_hold_is_our_fault() -> None:
    with pytest.raises(LocalError, match="no meter"):
        build_meter(MeterReading(103, 1.0))
    with pytest.raises(LocalError, match="int16"):
        build_meter(MeterReading(203, 1e15))
    with pytest.raises(LocalError, match="int16"):
        build_meter(MeterReading(203, 1.0, hertz=1e6))
    with pytest.raises(LocalError, match="float32"):
        build_meter(MeterReading(213, 1e39))


def test_a_watt_that_is_no_number_is_built_as_such() -> None:
    for model_id in (203, 213):
        block = build_meter(MeterReading(model_id, math.nan))
        assert math.isnan(parse_meter(block).watts)
    assert registers_of(build_meter(MeterReading(203, math.nan)))[18] == NAN16


def test_an_integer_counter_wraps() -> None:
    wrapped = build_meter(MeterReading(203, 1.0, (2**32 + 7) * 1000.0))

    assert parse_meter(wrapped).imported_wh == 7000.0


def test_registers_are_whole_words() -> None:
    assert registers_of(bytes_of([0, 65_535])) == (0, 65_535)
    with pytest.raises(MalformedMessageError, match="whole registers"):
        registers_of(b"abc")
    with pytest.raises(MalformedMessageError, match=r"0\.\.65535"):
        bytes_of([-1])
