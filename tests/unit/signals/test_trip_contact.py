"""A relay contact that is well, trips, and cannot be read."""

import pytest

from protocol.units import Seconds
from proxy.config.trip_input import TripAddress, read_trip_url
from proxy.power.ports import MeterError
from proxy.signals.trip_contact import TripContact
from tests.fakes.order_desk import BUDGET, FAIL_SAFE, OrderDesk


class FakeContact:
    place = "3 of contact h:502/1"

    def __init__(self) -> None:
        self.state: bool | None = True
        self.error: Exception = MeterError("no answer")

    async def is_well(self) -> bool:
        if self.state is None:
            raise self.error
        return self.state

    def close(self) -> None:
        pass


class Gate:
    """A site with a contact, and perhaps a signal that has to speak."""

    def __init__(self, **leases: Seconds | None) -> None:
        self.desk = OrderDesk({"trip_input": None, **leases})
        self.contact = FakeContact()
        self.restart()

    def restart(self) -> None:
        clock = self.desk.clock
        self.signal = TripContact(
            "hall-a", self.contact, Seconds(2.0), clock, lambda: self.desk.wall
        )
        self.signal.start(self.desk)

    def live(self, seconds: float) -> float:
        self.desk.clock.pump([0.25] * int(seconds * 4))
        return self.desk.budget.watts


def test_a_contact_that_trips_is_zero_watts_at_once_until_it_is_well() -> None:
    gate = Gate()
    assert gate.live(3) == BUDGET

    gate.contact.state = False
    assert gate.live(0.5) == 0
    assert gate.desk.budget.trips
    assert "3 of contact" in gate.desk.budget.reason
    gate.contact.state = True

    assert gate.live(0.5) == BUDGET


def test_a_contact_that_cannot_be_read_trips_once_that_lasts() -> None:
    gate = Gate()
    gate.live(3)
    gate.contact.state = None

    assert gate.live(1.5) == BUDGET
    assert gate.live(1.0) == 0
    assert len(gate.desk.taken) == 1
    gate.contact.state = True

    assert gate.live(0.5) == BUDGET


@pytest.mark.parametrize("error", [TypeError("x"), OSError(5, "x"), UnicodeError("x")])
def test_whatever_keeps_it_from_being_read_trips(error: Exception) -> None:
    gate = Gate()
    gate.live(3)
    gate.contact.state, gate.contact.error = None, error

    assert gate.live(2.5) == 0
    gate.contact.state = True
    assert gate.live(0.5) == BUDGET


def test_a_contact_that_was_never_read_trips() -> None:
    gate = Gate()
    gate.contact.state = None

    assert gate.live(2.5) == 0


def test_a_trip_holds_over_a_restart_until_the_contact_is_read_to_be_well() -> None:
    gate = Gate()
    gate.contact.state = False
    gate.live(1)
    gate.contact.state = None
    gate.restart()

    assert gate.live(1) == 0
    gate.contact.state = True
    assert gate.live(0.5) == BUDGET


def test_a_contact_that_is_well_speaks_for_nobody_else() -> None:
    gate = Gate(scada=Seconds(30.0))
    gate.contact.state = False
    gate.live(1)
    gate.contact.state = True

    assert gate.live(1) == FAIL_SAFE


def test_a_trip_that_is_not_kept_is_said_again() -> None:
    gate = Gate()
    gate.contact.state = False
    gate.desk.refuses = "it could not be written down"
    gate.live(1)
    gate.desk.refuses = ""

    assert gate.live(0.5) == 0


def test_the_url_of_a_contact_says_where_it_is_and_what_trips() -> None:
    url = "modbus://10.0.0.7:1502/1?input=3&trips=open"

    assert read_trip_url(url) == TripAddress(
        "10.0.0.7", 1502, 1, 3, is_closed_good=True
    )
    assert not read_trip_url(url.replace("open", "closed")).is_closed_good


@pytest.mark.parametrize(
    "url",
    [
        "modbus://h/1",
        "modbus://h/1?input=3",
        "modbus://h/1?input=3&trips=ajar",
        "modbus://h/1?input=70000&trips=open",
        "modbus://h/1?input=3&trips=open&x=1",
        "modbus://h/999?input=3&trips=open",
        "http://h/1?input=3&trips=open",
    ],
)
def test_what_is_no_contact_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="Expected"):
        read_trip_url(url)
