"""Watts in plain registers, as makers lay them out."""

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import MalformedMessageError
from protocol.plain_meter import ENERGY, MAKES, NumberType, PlainRegister, WordOrder

REAL = {
    # what a meter of each make sends for 2,000,000 W (PM5xxx and iEM3xxx in kW)
    "Eastron SDM630": struct.pack(">f", 2e6),
    "Carlo Gavazzi EM340": bytes.fromhex("2d00 0131"),  # 20,000,000, low word first
    "Carlo Gavazzi EM540": bytes.fromhex("2d00 0131"),
    "Schneider PM5xxx": struct.pack(">f", 2000.0),
    "Schneider iEM3xxx": struct.pack(">f", 2000.0),
    "Siemens PAC": struct.pack(">f", 2e6),
    "Janitza UMG": struct.pack(">f", 2e6),
    "ABB B2x": struct.pack(">i", 200_000_000),
    "ABB M4M": struct.pack(">i", 200_000_000),
    "Socomec": struct.pack(">i", 200_000),
    "Shelly Pro 3EM": bytes.fromhex("2400 49f4"),
    "WAGO 879": struct.pack(">f", 2000.0),
}


@pytest.mark.parametrize("make", MAKES)
def test_two_megawatts_are_read_from_every_make(make: str) -> None:
    assert MAKES[make].value_of(REAL[make]) == pytest.approx(2e6, rel=1e-6)


COUNTED = {
    # what a meter of each make sends for 5,000 kWh
    "Eastron SDM630": struct.pack(">f", 5000.0),
    "Carlo Gavazzi EM340": bytes.fromhex("c350 0000"),  # 50,000, low word first
    "Carlo Gavazzi EM540": bytes.fromhex("c350 0000"),
    "Schneider PM5xxx": struct.pack(">q", 5_000_000),
    "Schneider iEM3xxx": struct.pack(">q", 5_000_000),
    "Siemens PAC": struct.pack(">d", 5e6),
    "Janitza UMG": struct.pack(">f", 5e6),
    "ABB B2x": struct.pack(">Q", 500_000),
    "ABB M4M": struct.pack(">Q", 500_000),
}


@pytest.mark.parametrize("make", ENERGY)
def test_five_megawatt_hours_are_read_from_every_make_that_counts(make: str) -> None:
    assert make in MAKES
    assert ENERGY[make].value_of(COUNTED[make]) == pytest.approx(5e6)


def test_what_is_drawn_may_show_negative() -> None:
    place = PlainRegister(0, NumberType.INT16, 100.0, -1)

    assert place.value_of(struct.pack(">h", -350)) == 35_000.0


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (NumberType.INT16, "7fff"),
        (NumberType.INT16, "8000"),
        (NumberType.INT32, "7fffffff"),
        (NumberType.UINT32, "ffffffff"),
        (NumberType.FLOAT32, "7fc00000"),
        (NumberType.FLOAT32, "7f800000"),
    ],
)
def test_a_value_that_the_meter_does_not_have_is_not_a_number(
    kind: NumberType, data: str
) -> None:
    assert math.isnan(PlainRegister(0, kind).value_of(bytes.fromhex(data)))


def test_another_number_of_registers_is_refused() -> None:
    with pytest.raises(MalformedMessageError, match="2 B, wanted 4"):
        PlainRegister(0, NumberType.INT32).value_of(b"\0\0")


@given(st.sampled_from(NumberType), st.sampled_from(WordOrder), st.binary(max_size=8))
def test_no_bytes_raise_anything_else(
    kind: NumberType, order: WordOrder, data: bytes
) -> None:
    place = PlainRegister(0, kind, order=order)
    if len(data) == 2 * place.count:
        assert isinstance(place.value_of(data), float)
    else:
        with pytest.raises(MalformedMessageError):
            place.value_of(data)


@given(st.integers(-(2**31) + 1, 2**31 - 2))
def test_the_order_of_words_is_undone(raw: int) -> None:
    big = struct.pack(">i", raw)
    place = PlainRegister(0, NumberType.INT32, order=WordOrder.SWAPPED)

    assert place.value_of(big[2:] + big[:2]) == raw
