"""A plant's masters, well and ill, at a signal over Modbus TCP."""

import struct
from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address
from twisted.internet.testing import StringTransport
from typing_extensions import override

from protocol.setpoint.der_map import DerMap
from protocol.setpoint.registers import Scale, as_int32
from protocol.units import Seconds, Watts
from proxy.signals.modbus_connection import FRAME_WITHIN, IDLE, MAX_CONNECTIONS
from proxy.signals.modbus_orders import ModbusOrders, ModbusSettings
from proxy.signals.pace import MAX_A_SECOND
from tests.fakes.order_desk import BUDGET, FAIL_SAFE, Endpoint, OrderDesk

ENABLE, SET, POWER = 40_092, 40_094, 40_147
BUSY, FAILURE = 6, 4


class Wire(StringTransport):
    """An in-memory connection."""

    def setTcpNoDelay(self, _: bool) -> None:  # noqa: N802, FBT001
        pass

    def setTcpKeepAlive(self, _: bool) -> None:  # noqa: N802, FBT001
        pass

    @override
    def abortConnection(self) -> None:
        super().abortConnection()
        self.disconnecting = True


class Master:
    """One connection of a plant's control system."""

    def __init__(self, plant: "Plant", host: str) -> None:
        self.wire = Wire()
        address = IPv4Address("TCP", host, 1)
        self.protocol: Any = plant.endpoint.factory.buildProtocol(address)
        if self.protocol is not None:
            self.protocol.makeConnection(self.wire)

    def ask(self, pdu: bytes, unit: int = 1) -> bytes:
        self.wire.clear()
        head = struct.pack(">HHHB", 7, 0, len(pdu) + 1, unit)
        self.protocol.dataReceived(head + pdu)
        answer: bytes = self.wire.value()[7:]
        return answer

    def write(self, address: int, *values: int) -> int:
        """Write registers; return the exception, 0 if there is none."""
        head = struct.pack(">BHHB", 16, address, len(values), 2 * len(values))
        answer = self.ask(head + struct.pack(f">{len(values)}H", *values))
        return answer[1] if answer[0] & 0x80 else 0

    def say(self, watts: int, lease_s: int = 0) -> int:
        timeout = (lease_s >> 16, lease_s & 0xFFFF)
        rest = (*as_int32(None), 0, 0, 0, *timeout)
        return self.write(ENABLE, 1, 1, *as_int32(watts), *rest)

    def read(self, address: int, count: int) -> tuple[int, ...]:
        answer = self.ask(struct.pack(">BHH", 3, address, count))
        return struct.unpack(f">{count}H", answer[2:])


class Plant:
    """A site with a Modbus signal, and masters of it."""

    def __init__(self, **changes: Any) -> None:
        chosen = {"lease_s": Seconds(30.0), **changes}
        site = ModbusSettings(
            "hall-a", "scada", **chosen, budget_w=BUDGET, fail_safe_w=FAIL_SAFE
        )
        self.desk = OrderDesk({"scada": site.lease_s})
        self.clock = self.desk.clock
        self.settings = site
        self.open()

    def open(self) -> None:
        self.endpoint = Endpoint()
        registers = DerMap(Scale(BUDGET), "hall-a")
        self.signal = ModbusOrders(
            self.settings, registers, self.endpoint, self.clock, lambda: self.desk.wall
        )
        self.signal.start(self.desk)

    def master(self, host: str = "127.0.0.1") -> Master:
        return Master(self, host)

    def spoken(self, watts: int = 600_000) -> Master:
        """Return a master that has been heard for a while."""
        master = self.master()
        for _ in range(3):
            assert master.say(watts) == 0
            self.clock.advance(1.0)
        return master

    @property
    def watts(self) -> float:
        return self.desk.budget.watts


def test_a_setpoint_is_in_force_when_it_is_answered() -> None:
    plant = Plant()
    master = plant.spoken()

    assert master.say(400_000) == 0

    assert plant.watts == 400_000
    assert plant.desk.taken[-1].reason == "setpoint 400000 W, of 127.0.0.1"


def test_a_setpoint_that_is_repeated_is_kept_once() -> None:
    plant = Plant()
    plant.spoken()
    count = len(plant.desk.taken)

    plant.master().say(600_000)

    assert len(plant.desk.taken) == count
    assert plant.desk.budget.silence == 0


def test_silence_lapses_within_its_second_and_a_reading_master_is_silent() -> None:
    plant = Plant()
    master = plant.spoken()
    master.say(600_000)

    plant.clock.advance(29.9)
    master.read(POWER, 1)
    assert plant.watts == 600_000
    plant.clock.advance(0.2)

    assert plant.watts == FAIL_SAFE


def test_a_reversion_time_out_is_the_lease_of_its_order() -> None:
    plant = Plant()
    plant.spoken().say(600_000, lease_s=10)

    plant.clock.advance(10.0)

    assert plant.watts == FAIL_SAFE


def test_a_first_word_after_silence_only_lowers_until_a_second_one() -> None:
    plant = Plant()
    master = plant.spoken()
    plant.clock.advance(31.0)

    master.say(600_000)
    assert plant.watts == FAIL_SAFE
    master.say(600_000)  # of the same queue
    assert plant.watts == FAIL_SAFE
    plant.clock.advance(1.0)
    master.say(600_000)

    assert plant.watts == 600_000


def test_a_first_word_lowers_at_once() -> None:
    plant = Plant()
    plant.master().say(20_000)

    assert plant.watts == 20_000


def test_a_release_is_the_contract_and_has_to_be_repeated() -> None:
    plant = Plant()
    master = plant.spoken()

    assert master.write(ENABLE, 0) == 0
    assert plant.watts == BUDGET
    plant.clock.advance(30.0)

    assert plant.watts == FAIL_SAFE


def test_more_than_the_contract_is_cut_to_it_and_said() -> None:
    plant = Plant()
    plant.spoken().say(1_100_000)

    assert plant.watts == BUDGET
    assert "more than the contract" in plant.desk.taken[-1].reason


def test_what_is_refused_is_answered_is_an_event_and_is_not_read_back() -> None:
    plant = Plant()
    master = plant.spoken()

    assert master.say(1_300_000) == 3
    assert master.write(SET, 0x8000, 0) == 3  # no number
    assert master.write(40_000, 1) == 2
    assert master.ask(b"\x05\x00\x01\xff\x00") == b"\x85\x01"
    assert master.ask(b"\x03\x00\x00\x00\x01", unit=9) == b"\x83\x0b"

    assert master.read(SET, 2) == as_int32(600_000)
    assert plant.watts == 600_000
    assert len(plant.desk.refusals) == 5
    assert plant.desk.refusals[0][2]["peer"] == "127.0.0.1"


def test_a_torn_write_changes_nothing_and_is_an_event() -> None:
    plant = Plant()
    master = plant.spoken()

    assert master.write(SET, 0) == 0

    assert plant.watts == 600_000
    assert "half" in plant.desk.refusals[-1][1]
    plant.clock.advance(30.0)
    assert plant.watts == FAIL_SAFE


def test_an_order_that_cannot_be_kept_is_refused_and_not_read_back() -> None:
    plant = Plant()
    master = plant.spoken()
    plant.desk.refuses = "it could not be written down"

    assert master.say(700_000) == FAILURE

    assert master.read(SET, 2) == as_int32(600_000)
    assert plant.desk.refusals[-1][1] == "it could not be written down"


def test_one_master_at_a_time_until_it_is_silent_for_the_lease() -> None:
    plant = Plant(allow=(ip_network("127.0.0.0/8"),))
    plant.spoken()
    other = plant.master("127.0.0.2")

    assert other.say(900_000) == BUSY
    assert other.read(SET, 2) == as_int32(600_000)
    assert plant.watts == 600_000
    plant.clock.advance(30.0)

    assert other.say(900_000) == 0
    assert plant.watts == FAIL_SAFE


def test_all_masters_may_write_where_none_is_exclusive() -> None:
    plant = Plant(allow=(ip_network("127.0.0.0/8"),), is_exclusive=False)
    plant.spoken()

    assert plant.master("127.0.0.2").say(500_000) == 0


def test_who_is_not_of_the_networks_is_not_let_in() -> None:
    plant = Plant(allow=(ip_network("10.9.0.0/24"),))

    assert plant.master("10.8.0.1").protocol is None
    assert plant.master("10.9.0.1").protocol is not None
    assert [body["peer"] for _, _, body in plant.desk.refusals] == ["10.8.0.1"]


def test_a_flood_of_strangers_does_not_fill_the_log() -> None:
    plant = Plant()
    for n in range(1000):
        plant.master(f"10.8.{n // 250}.{n % 250}")
        plant.master("10.7.0.1")

    assert len(plant.desk.refusals) <= 60


def test_a_flood_of_new_setpoints_is_refused() -> None:
    plant = Plant()
    master = plant.spoken()
    plant.clock.advance(1.0)

    answers = [master.say(500_000 - n) for n in range(MAX_A_SECOND + 5)]

    assert answers.count(BUSY) == 5


def test_a_restart_holds_what_was_said_and_a_master_need_not_enable_it_again() -> None:
    plant = Plant()
    plant.spoken(300_000)
    plant.open()
    master = plant.master()

    assert master.read(SET, 2) == as_int32(300_000)
    assert master.write(SET, *as_int32(250_000)) == 0

    assert plant.watts == 250_000


def test_garbage_and_slow_and_idle_masters_are_hung_up_on() -> None:
    plant = Plant()
    master, slow, idle = plant.spoken(), plant.master(), plant.master()
    garbage = plant.master()
    garbage.protocol.dataReceived(b"GET / HTTP/1.1\r\n\r\n")
    assert garbage.wire.disconnecting

    for _ in range(int(FRAME_WITHIN)):
        slow.protocol.dataReceived(b"\0")
        plant.clock.advance(1.0)
    assert slow.wire.disconnecting
    plant.clock.advance(IDLE - 10.0)
    master.read(POWER, 1)
    plant.clock.advance(10.0)

    assert idle.wire.disconnecting
    assert not master.wire.disconnecting


def test_connections_are_bounded_and_the_one_that_is_silent_goes() -> None:
    plant = Plant()
    masters = [plant.master() for _ in range(MAX_CONNECTIONS)]
    masters[0].read(POWER, 1)

    plant.master()

    assert masters[1].wire.disconnecting
    assert not masters[0].wire.disconnecting


def test_who_does_not_read_its_answers_is_hung_up_on() -> None:
    master = Plant().master()

    master.protocol.pauseProducing()

    assert master.wire.disconnecting


def test_nothing_is_taken_once_it_is_stopping() -> None:
    plant = Plant()
    master = plant.spoken()
    pending = plant.signal.stop()
    with pytest.raises(StopIteration):
        pending.send(None)

    assert master.wire.disconnecting
    assert master.say(900_000) == BUSY


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([0.0, 0.4, 1.0, 7.0, 29.0, 31.0]),
            st.sampled_from(["say", "half", "off", "garbage", "read", "reconnect"]),
            st.integers(0, 1_100_000),
        ),
        max_size=25,
    )
)
def test_whatever_a_master_does_only_its_second_word_raises(
    deeds: list[tuple[float, str, int]],
) -> None:
    plant = Plant()
    master, said_at, words = plant.master(), -1e9, 0
    for wait, deed, watts in deeds:
        plant.clock.advance(wait)
        now, before = plant.clock.seconds(), plant.watts
        if now - said_at >= 30.0:
            words = 0
            assert before <= FAIL_SAFE
        if deed == "say":
            master.say(watts)
            said_at, words = now, words + 1
        elif deed == "off":
            master.write(ENABLE, 0)
            said_at, words = now, words + 1
        elif deed == "half":
            master.write(SET + 1, watts & 0xFFFF)
        elif deed == "read":
            master.read(POWER, 1)
        else:
            if deed == "garbage":
                master.protocol.dataReceived(b"\xff" * 20)
            master = plant.master()
        is_word = deed in {"say", "off"}
        assert plant.watts <= before or (is_word and words > 1)
        assert plant.watts <= max(BUDGET, Watts(0.0))
