import struct
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.setpoint.der_map import BASE, CONTROLS_AT, DerMap
from protocol.setpoint.frames import ExceptionCode, RefusedError
from protocol.setpoint.points import Points
from protocol.setpoint.registers import (
    MOST,
    Scale,
    Setpoint,
    SetpointMap,
    as_int32,
)
from protocol.setpoint.simple_map import CAP, ENABLE, HEARTBEAT, SimpleMap
from protocol.units import Seconds, Watts

BUDGET = Watts(1_000_000.0)
CONTROLS = BASE + CONTROLS_AT
PCT_ENABLE, PCT, SET_ENABLE, SET = CONTROLS + 14, CONTROLS + 15, CONTROLS + 22, 40_094
SET_TIMEOUT = CONTROLS + 31


def der(unit_w: float = 1.0, sign: int = 1) -> DerMap:
    return DerMap(Scale(BUDGET, unit_w, sign))


def simple() -> SimpleMap:
    return SimpleMap(Scale(BUDGET, 1000.0))


def say(registers: SetpointMap, address: int, *values: int) -> Setpoint | None:
    change = registers.write(address, values)
    registers.commit(change)
    return change.said


def test_the_der_map_is_walked_by_its_lengths() -> None:
    registers, at, found = der(), BASE + 2, []
    assert registers.read(BASE, 2, Points()) == (0x5375, 0x6E53)
    while (head := registers.read(at, 2, Points()))[0] != 0xFFFF:
        found.append((head[0], head[1], at))
        at += 2 + head[1]

    assert [(m, n) for m, n, _ in found][:3] == [(1, 66), (704, 65), (701, 153)]
    assert found[1][2] == CONTROLS


def test_a_whole_setpoint_is_an_order_with_its_reversion_as_lease() -> None:
    words = [1, 1, *as_int32(600_000), *as_int32(350_000), 0, 0, 0, 0, 45]

    said = say(der(), SET_ENABLE, *words)

    assert said == Setpoint(Watts(600_000.0), Seconds(45.0), Watts(350_000.0))


def test_watts_are_counted_in_the_units_that_the_scale_factor_says() -> None:
    registers = der(unit_w=1000.0)

    assert registers.read(CONTROLS + 55, 1, Points()) == (3,)
    assert say(registers, SET_ENABLE, 1, 1, *as_int32(600)) == Setpoint(
        Watts(600_000.0)
    )


def test_a_generator_counts_what_it_draws_as_negative() -> None:
    registers = der(sign=-1)

    assert say(registers, SET_ENABLE, 1, 1, *as_int32(-5000)) == Setpoint(Watts(5000.0))
    with pytest.raises(RefusedError):
        registers.write(SET, as_int32(5000))
    power = registers.read(CONTROLS + 67 + 10, 1, Points(power_w=50_000.0))
    assert struct.unpack(">h", struct.pack(">H", *power))[0] < 0


def test_per_cent_of_the_contract_is_an_order_and_the_lower_limit_holds() -> None:
    registers = der()

    assert say(registers, PCT_ENABLE, 1, 400) == Setpoint(Watts(400_000.0))
    assert say(registers, SET_ENABLE, 1, 1, *as_int32(500_000)) == Setpoint(
        Watts(400_000.0)
    )
    assert say(registers, PCT_ENABLE, 0) == Setpoint(Watts(500_000.0))
    assert say(registers, SET_ENABLE, 0) == Setpoint(None)


def test_a_value_that_is_not_enabled_says_nothing() -> None:
    registers = der()

    assert say(registers, SET, *as_int32(500_000)) is None
    assert say(registers, SET_TIMEOUT, 0, 60) is None
    assert say(registers, SET_ENABLE, 1) == Setpoint(Watts(500_000.0), Seconds(60.0))


def test_what_was_said_before_a_restart_stays_enabled() -> None:
    registers = der()
    registers.restore(Watts(300_000.0))

    assert say(registers, SET, *as_int32(250_000)) == Setpoint(Watts(250_000.0))


@pytest.mark.parametrize(
    ("address", "values", "code"),
    [
        (SET, as_int32(1_200_001), ExceptionCode.ILLEGAL_VALUE),
        (SET, as_int32(-1), ExceptionCode.ILLEGAL_VALUE),
        (PCT, (1201,), ExceptionCode.ILLEGAL_VALUE),
        (SET_ENABLE, (2,), ExceptionCode.ILLEGAL_VALUE),
        (SET_ENABLE, (1,), ExceptionCode.ILLEGAL_VALUE),  # WSet says nothing yet
        (CONTROLS + 28, (50,), ExceptionCode.ILLEGAL_VALUE),  # WSetPct
        (BASE, (1,), ExceptionCode.ILLEGAL_ADDRESS),
        (CONTROLS + 33, (1,), ExceptionCode.ILLEGAL_ADDRESS),
        (CONTROLS + 30, (0, 0, 30, 1), ExceptionCode.ILLEGAL_ADDRESS),
    ],
)
def test_what_a_register_cannot_hold_is_refused_and_changes_nothing(
    address: int, values: Sequence[int], code: ExceptionCode
) -> None:
    registers = der()
    before = registers.read(CONTROLS, 67, Points())

    with pytest.raises(RefusedError) as found:
        registers.write(address, values)

    assert found.value.code is code
    assert registers.read(CONTROLS, 67, Points()) == before


@pytest.mark.parametrize(("half", "word"), [(0, 0x0003), (1, 0x0000)])
def test_half_of_a_setpoint_is_no_order_until_its_enable_is_written(
    half: int, word: int
) -> None:
    registers = der()
    say(registers, SET_ENABLE, 1, 1, *as_int32(500_000))

    change = registers.write(SET + half, (word,))
    registers.commit(change)

    assert change.said is None
    assert change.doubt
    assert say(registers, PCT, 900) is None  # nor is what is written beside it
    assert say(registers, SET_ENABLE, 1) is not None


def test_another_limits_enable_does_not_believe_a_half() -> None:
    registers = der()
    say(registers, SET_ENABLE, 1, 1, *as_int32(131_071))
    assert say(registers, SET, 2) is None  # the high half alone

    assert say(registers, PCT_ENABLE, 1) is None
    assert say(registers, SET_ENABLE, 1) is not None


def test_an_enable_does_not_believe_the_half_beside_it() -> None:
    registers = der()
    say(registers, SET_ENABLE, 1, 1, *as_int32(131_071))
    assert say(registers, SET_ENABLE, 1, 1, 2) is None
    plc = simple()
    say(plc, HEARTBEAT, 1, *as_int32(131_071 // 1000), 1)
    assert say(plc, CAP + 1, 900, 1) is None
    assert say(plc, ENABLE, 1) is not None


def test_a_whole_setpoint_after_a_half_is_an_order() -> None:
    registers = der()
    say(registers, SET_ENABLE, 1, 1, *as_int32(500_000))
    say(registers, SET, 0)

    assert say(registers, SET, *as_int32(70_000)) == Setpoint(Watts(70_000.0))


def test_a_plc_is_heard_by_its_heartbeat_alone() -> None:
    registers = simple()
    whole = [1, *as_int32(600), 1]
    assert say(registers, HEARTBEAT, *whole) == Setpoint(Watts(600_000.0))

    assert say(registers, HEARTBEAT, *whole) is None  # its program stands still
    assert say(registers, HEARTBEAT, 2) == Setpoint(Watts(600_000.0))
    assert say(registers, HEARTBEAT, 2) is None


def test_a_heartbeat_before_any_word_says_nothing() -> None:
    registers = simple()

    assert say(registers, HEARTBEAT, 1) is None
    assert say(registers, HEARTBEAT, 2) is None
    assert say(registers, CAP, *as_int32(600)) is None
    assert say(registers, ENABLE, 1) == Setpoint(Watts(600_000.0))


def test_half_of_a_plcs_cap_is_no_order_until_its_enable_is_written() -> None:
    registers = simple()
    say(registers, HEARTBEAT, 1, *as_int32(600), 1)

    assert say(registers, CAP + 1, 300) is None
    assert say(registers, HEARTBEAT, 2) is None
    assert say(registers, ENABLE, 1) == Setpoint(Watts(300_000.0))


def test_a_plc_reads_the_list_of_points_back() -> None:
    points = Points(power_w=512_000.0, state="hold", lease_left_s=12.0)

    back = simple().read(10, 22, points)

    assert back[0:2] == (0, 512)
    assert back[2:4] == (0x8000, 0)  # unknown is no number
    assert back[16:20] == (0, 12, 0, 1)


MAPS: dict[str, tuple[Callable[[], SetpointMap], int, int]] = {
    "der": (der, CONTROLS + 12, 22),
    "simple": (simple, 0, 5),
}


@given(st.sampled_from(sorted(MAPS)), st.data())
def test_no_writes_make_an_order_beyond_the_site_or_of_a_half(
    which: str, data: st.DataObject
) -> None:
    make, first, size = MAPS[which]
    registers = make()
    word = st.sampled_from([0, 1, 2, 7, 100, 0x7FFF, 0x8000, 0xFFFF]) | st.integers(
        0, 0xFFFF
    )
    writes = st.tuples(
        st.integers(first, first + size), st.lists(word, min_size=1, max_size=6)
    )
    for address, values in data.draw(st.lists(writes, max_size=12)):
        try:
            change = registers.write(address, values)
        except RefusedError:
            continue
        registers.commit(change)
        assert not (change.torn and change.said)
        if change.said is not None and change.said.watts is not None:
            assert 0 <= change.said.watts <= BUDGET * MOST


def test_the_grid_and_the_energy_that_was_drawn_are_read_back() -> None:
    registers = der()
    points = Points(hz=49.987, energy_wh=5_000_000_000.0)

    block = registers.read(CONTROLS + 67, 125, points)

    assert block[0] == 701
    assert (block[17] << 16 | block[18]) == 49_987
    assert struct.unpack(">h", struct.pack(">H", block[115])) == (-3,)
    absorbed = struct.unpack(">Q", struct.pack(">4H", *block[23:27]))
    assert absorbed == (5_000_000_000,)
    assert block[120] == 0
    # Nothing is injected, and what is not known is not implemented.
    assert block[19:23] == (0xFFFF,) * 4
    unknown = registers.read(CONTROLS + 67, 125, Points())
    assert unknown[17:19] == (0xFFFF, 0xFFFF)
    assert unknown[23:27] == (0xFFFF,) * 4
