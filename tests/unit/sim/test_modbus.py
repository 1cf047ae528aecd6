import struct

import pytest
from twisted.internet.testing import StringTransport

from protocol.sunspec.meter import parse_meter
from protocol.units import Seconds
from proxy.sim.modbus import MeterRegisters, reply_to
from proxy.sim.site_meter import MeterOptions, SiteMeter


def a_meter() -> SiteMeter:
    meter = SiteMeter(MeterOptions(noise=0.0, lag_s=0.0), seed=1)
    meter.note(2_000_000.0, Seconds(0.0))
    return meter


def frame(pdu: bytes, *, transaction: int = 7, unit: int = 1) -> bytes:
    return struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu


def read(address: int, count: int, function: int = 3) -> bytes:
    return struct.pack(">BHH", function, address, count)


def answers(data: bytes, registers: bytes | None = b"SunS" * 10) -> bytes:
    connection, wire = MeterRegisters(lambda: registers, 1), StringTransport()
    connection.makeConnection(wire)
    for byte in data:
        connection.dataReceived(bytes([byte]))
    sent: bytes = wire.value()
    return sent


def test_a_read_is_answered_under_its_transaction() -> None:
    assert answers(frame(read(40000, 2))) == frame(b"\x03\x04SunS")


def test_requests_in_one_go_are_answered_in_order() -> None:
    both = frame(read(40000, 1)) + frame(read(40001, 1, function=4), transaction=8)

    assert answers(both) == frame(b"\x03\x02Su") + frame(b"\x04\x02nS", transaction=8)


@pytest.mark.parametrize(
    ("pdu", "code"),
    [
        (b"\x06\x9c\x40\x00\x01", 1),
        (read(39999, 1), 2),
        (read(40019, 2), 2),
        (read(40000, 0), 3),
        (read(40000, 126), 3),
        (read(40000, 1) + b"\0", 3),
    ],
)
def test_what_it_cannot_do_is_refused_with_the_code_of_the_standard(
    pdu: bytes, code: int
) -> None:
    assert reply_to(pdu, b"SunS" * 10) == bytes([pdu[0] | 0x80, code])


def test_a_silent_meter_and_a_foreign_unit_say_nothing() -> None:
    assert answers(frame(read(40000, 2)), registers=None) == b""
    assert answers(frame(read(40000, 2), unit=9)) == b""


def test_what_is_not_modbus_is_hung_up_on() -> None:
    connection, wire = MeterRegisters(lambda: b"", 1), StringTransport()
    connection.makeConnection(wire)
    connection.dataReceived(b"GET / HTTP/1.1\r\n\r\n")

    assert wire.disconnecting


def test_the_watts_of_a_site_are_where_sunspec_has_them() -> None:
    block = reply_to(read(40070, 107), a_meter().registers())[2:]

    assert parse_meter(block).watts == 2_000_000.0
