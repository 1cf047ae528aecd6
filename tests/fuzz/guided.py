"""Coverage-guided fuzzing of what plants, utilities and publishers write to us.

    python -m tests.fuzz.guided modbus|a44|csv|json|btc [-max_total_time=60 FOLDER ...]

The options are libFuzzer's. It needs atheris (`pip install atheris`), which no test
asks for: `test_price_documents` and the codecs' tests hold these laws by hypothesis.
"""

import contextlib
import sys
from collections.abc import Callable

import atheris  # type: ignore[import-untyped]

with atheris.instrument_imports(include=["protocol"]):
    from protocol.errors import MalformedMessageError
    from protocol.prices.a44 import read_a44
    from protocol.prices.btc_price import MAX_PRICE, read_btc_price
    from protocol.prices.csv_prices import read_csv
    from protocol.prices.curve import MAX_INTERVALS, MAX_PER_MWH, PriceCurve, PriceError
    from protocol.prices.json_prices import read_json
    from protocol.setpoint.der_map import DerMap
    from protocol.setpoint.frames import (
        FrameReader,
        Read,
        RefusedError,
        Write,
        exception_answer,
        parse_request,
        read_answer,
        write_answer,
    )
    from protocol.setpoint.points import Points
    from protocol.setpoint.registers import Scale, SetpointMap
    from protocol.setpoint.simple_map import SimpleMap
    from protocol.units import Watts

BUDGET = Watts(1_000_000.0)
MOST = 1.2
LONGEST_ANSWER = 253


def modbus(data: bytes) -> None:
    """Feed a connection in pieces; whatever is written, no order is beyond the site."""
    reader = FrameReader()
    scale = Scale(BUDGET, 1.0, 1)
    maps: list[SetpointMap] = [DerMap(scale, "hall-a"), SimpleMap(scale)]
    cut = data[0] if data else 0
    for piece in (data[1:cut], data[max(1, cut) :]):
        try:
            frames = reader.feed(piece)
        except MalformedMessageError:
            return
        for frame in frames:
            for registers in maps:
                assert 2 <= len(answer(registers, frame.pdu)) <= LONGEST_ANSWER


def answer(registers: SetpointMap, pdu: bytes) -> bytes:
    try:
        request = parse_request(pdu)
        if isinstance(request, Read):
            found = registers.read(request.address, request.count, Points())
            return read_answer(found)
        written(registers, request)
        return write_answer(request)
    except RefusedError as error:
        return exception_answer(pdu, error.code)


def written(registers: SetpointMap, request: Write) -> None:
    change = registers.write(request.address, request.values)
    registers.commit(change)
    assert not (change.torn and change.said)
    if change.said is not None and change.said.watts is not None:
        assert 0 <= change.said.watts <= BUDGET * MOST


def prices(read: Callable[[bytes], PriceCurve]) -> Callable[[bytes], None]:
    """Return what holds a reader to prices in bounds and in order, or a PriceError."""

    def hold(data: bytes) -> None:
        with contextlib.suppress(PriceError):
            curve = read(data)
            assert len(curve.intervals) <= MAX_INTERVALS
            assert all(abs(one.per_mwh) <= MAX_PER_MWH for one in curve.intervals)
            starts = [one.starts for one in curve.intervals]
            assert starts == sorted(set(starts))

    return hold


def btc(data: bytes) -> None:
    with contextlib.suppress(PriceError):
        assert 0 < read_btc_price(data, "EUR").value <= MAX_PRICE


TARGETS: dict[str, Callable[[bytes], None]] = {
    "modbus": modbus,
    "a44": prices(read_a44),
    "csv": prices(lambda data: read_csv(data, "MWh")),
    "json": prices(lambda data: read_json(data, "MWh")),
    "btc": btc,
}


def main() -> None:
    """Fuzz the target that is named, until libFuzzer ends."""
    target = TARGETS[sys.argv[1]]
    atheris.Setup([sys.argv[0], *sys.argv[2:]], target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
