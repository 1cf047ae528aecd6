"""Finding models in a register map."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import LocalError, MalformedMessageError
from protocol.sunspec.common import Common, build_common, parse_common
from protocol.sunspec.layout import FLOAT_METERS, INTEGER_METERS
from protocol.sunspec.meter import MeterReading, build_meter, parse_meter
from protocol.sunspec.survey import MAX_MODELS, Location, Survey, build_map
from protocol.sunspec.values import bytes_of

PLANT = Common("Fictional", "Site meter", version="1.2", serial="000-1", address=7)
IMAGE = build_map(build_common(PLANT), build_meter(MeterReading(203, 2e6)))


def survey(image: bytes, base: int = 40_000) -> Survey:
    found = Survey(base)
    while not found.is_done:
        address, count = found.wanted
        start = 2 * (address - base)
        found.feed(image[start : start + 2 * count])
    return found


def test_common_and_meter_are_found_where_they_are() -> None:
    found = survey(IMAGE)

    assert found.found == [Location(1, 40_002, 66), Location(203, 40_070, 105)]


def test_behind_a_common_model_of_65_the_watts_are_register_40087() -> None:
    short = bytearray(build_common(PLANT)[:-2])
    short[2:4] = (65).to_bytes(2, "big")
    image = build_map(bytes(short), build_meter(MeterReading(203, 2e6)))

    meter = survey(image).find(203)

    assert meter == Location(203, 40_069, 105)
    assert image[2 * 87 : 2 * 88] == (20_000).to_bytes(2, "big")  # 40087
    assert image[2 * 91 : 2 * 92] == (2).to_bytes(2, "big")  # 40091
    assert parse_common(bytes(short)) == PLANT


def test_a_found_meter_can_be_read_out() -> None:
    meter = survey(IMAGE).find(*FLOAT_METERS, *INTEGER_METERS)

    assert meter is not None
    start = 2 * (meter.address - 40_000)
    block = IMAGE[start : start + 2 * meter.registers]
    assert parse_meter(block).watts == 2e6


def test_a_model_that_is_not_there_is_not_found() -> None:
    assert survey(IMAGE).find(701) is None


def test_a_map_may_begin_elsewhere() -> None:
    assert survey(IMAGE, base=0).find(203) == Location(203, 70, 105)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (b"ABCD", "wanted b'SunS'"),
        (b"SunS" + bytes_of([203, 105]), "first model is 203"),
        (b"SunS" + bytes_of([1, 0]), "does not end"),
        (b"SunS" + bytes_of([1, 65_000]), "does not end"),
        (b"SunS\x00", "1 B, wanted 4"),
    ],
)
def test_what_is_no_map_is_refused(image: bytes, message: str) -> None:
    with pytest.raises(MalformedMessageError, match=message):
        survey(image)


@pytest.mark.parametrize("end", [[0, 0], [64_111, 0, 0xFFFF, 0]])
def test_maps_end_in_other_ways_too(end: list[int]) -> None:
    image = IMAGE[:-4] + bytes_of(end)

    assert survey(image).find(203) == Location(203, 40_070, 105)


def test_a_map_may_end_with_the_last_register() -> None:
    found = Survey()
    assert not found.end()
    for start in (0, 4, 4 + 2 * 68):
        found.feed(IMAGE[start : start + 4])

    assert found.end()
    assert found.is_done
    assert found.find(203) == Location(203, 40_070, 105)


def test_one_of_several_meters_is_found_by_its_number() -> None:
    meter = build_meter(MeterReading(213, 1e6))
    image = build_map(build_common(PLANT), meter, meter)

    first, second = survey(image).find(213), survey(image).find(213, nth=2)

    assert first is not None
    assert second is not None
    assert second.address == first.address + first.registers
    assert survey(image).find(213, nth=3) is None


def test_a_map_without_an_end_is_given_up() -> None:
    endless = b"SunS" + bytes_of([1, 1, 0]) * (MAX_MODELS + 1)

    with pytest.raises(MalformedMessageError, match=f"more than {MAX_MODELS}"):
        survey(endless)


@given(st.binary(min_size=4, max_size=60))
def test_no_bytes_raise_anything_but_a_remote_error(data: bytes) -> None:
    found = Survey()
    try:
        found.feed(b"SunS")
        for start in range(0, len(data), 4):
            found.feed(data[start : start + 4])
    except MalformedMessageError as error:
        assert str(error)  # noqa: PT017


texts = st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), max_size=16)


@given(texts, texts, texts, texts, texts, st.integers(0, 65_535))
def test_a_common_model_reads_back(  # noqa: PLR0913, PLR0917
    maker: str, model: str, options: str, version: str, serial: str, address: int
) -> None:
    common = Common(maker, model, options, version, serial, address)

    assert parse_common(build_common(common)) == common


def test_texts_that_do_not_fit_are_our_fault() -> None:
    with pytest.raises(LocalError, match="version"):
        build_common(Common("a", "b", version="x" * 17))
    with pytest.raises(LocalError, match="ASCII"):
        build_common(Common("ü", "b"))


@pytest.mark.parametrize("cut", [0, 3, 4, 60, 135])
def test_half_a_common_model_is_refused(cut: int) -> None:
    with pytest.raises(MalformedMessageError, match="common model"):
        parse_common(build_common(PLANT)[:cut])


def test_a_common_model_of_another_length_than_it_says_is_refused() -> None:
    with pytest.raises(MalformedMessageError, match="length 66 in 134 B"):
        parse_common(build_common(PLANT)[:-2])


def test_another_model_is_no_common_model() -> None:
    with pytest.raises(MalformedMessageError, match="common model"):
        parse_common(b"\x00\x02" + build_common(PLANT)[2:])
