"""Machines parked by hand, as operators do it."""

from collections.abc import Awaitable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from protocol.units import UnixTime
from proxy.admin.by_hand import ByHand
from proxy.admin.parking import ParkOperations
from proxy.admin.refused import Refused
from proxy.admin.states import MAX_NAMED, States
from proxy.admin.views import Done
from proxy.power.machines.holds import MAX_HOLDS
from tests.unit.downstream.test_parking import Site


class Desk:
    """A site of two miners of one worker, and its operator."""

    def __init__(self, folder: Path) -> None:
        self.site = Site()
        self.wires = [self.site.granted(), self.site.granted()]
        self.by_hand = ByHand(folder / "by_hand.json", lambda: UnixTime(1.7e9), Clock())
        running: Any = SimpleNamespace(
            factories={"hall-a": self.site.real}, by_hand=self.by_hand, power=None
        )
        self.changes: list[list[str]] = []
        self.by_hand.on_parked = lambda: self.changes.append(self.by_hand.parked)
        self.operations = ParkOperations(running, self._turn)

    def _turn(self) -> Awaitable[None]:
        return succeed(None)

    def park(self, machines: str, *, yes: bool = False) -> Done:
        parking = Deferred.fromCoroutine(self.operations.park(machines, yes))
        results: list[Any] = []
        _ = parking.addBoth(results.append)
        (result,) = results
        if hasattr(result, "raiseException"):
            result.raiseException()
        done: Done = result
        return done


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_parking_says_how_many_are_there(desk: Desk) -> None:
    assert desk.park("rig*").text == "rig* is parked until `unpark`: 2 connected"
    assert desk.changes == [["rig*"]]


def test_a_name_that_nobody_has_asks_for_yes(desk: Desk) -> None:
    with pytest.raises(Refused, match="no machine that is connected is called 'rig9'"):
        desk.park("rig9")
    desk.park("rig9", yes=True)

    assert desk.by_hand.parked == ["rig9"]


def test_what_is_parked_is_not_parked_again(desk: Desk) -> None:
    desk.park("rig1")

    with pytest.raises(Refused, match="rig1 is parked by hand already"):
        desk.park("rig1")


def test_holds_have_an_end(desk: Desk) -> None:
    for number in range(MAX_HOLDS):
        desk.by_hand.park(f"x{number}")

    with pytest.raises(Refused, match=f"{MAX_HOLDS} holds are in force"):
        desk.park("rig1")


def test_unparking_ends_holds_of_that_name_or_within_that_glob(desk: Desk) -> None:
    for machines in ("rack-a.1", "rack-a.*", "rack-b.1"):
        desk.park(machines, yes=True)

    done = desk.operations.unpark("rack-a.*")

    assert done.text == ("rack-a.1, rack-a.* is parked by hand no more: it may work")
    assert desk.by_hand.parked == ["rack-b.1"]


def test_a_machine_of_a_wider_hold_names_that(desk: Desk) -> None:
    desk.park("rig*")

    for name in ("rig1", "10.0.0.1 rig1"):
        with pytest.raises(Refused, match=r"but 'rig\*' is: unpark that"):
            desk.operations.unpark(name)
    with pytest.raises(Refused, match=r"'x' is not parked by hand$"):
        desk.operations.unpark("x")


def test_the_record_of_a_park_has_what_it_changes_and_nothing_else(
    desk: Desk,
) -> None:
    states = States(desk.operations.running)
    for n in range(MAX_NAMED + 4):
        desk.park(f"rack-{n}.*", yes=True)

    assert states.of("park", {"machines": "rig*"}) == []
    assert states.of("park", {"machines": "rack-3.*"}) == ["rack-3.*"]
    ended = states.of("unpark", {"machines": "rack-*"})
    assert ended[:2] == ["rack-0.*", "rack-1.*"]
    assert ended[MAX_NAMED:] == ["and 4 more"]


def test_a_restart_finds_what_is_parked(desk: Desk, tmp_path: Path) -> None:
    desk.park("rig*")

    again = ByHand(tmp_path / "by_hand.json", lambda: UnixTime(1.7e9 + 60), Clock())

    assert again.parked == ["rig*"]
    assert [view.text for view in again.views()] == [
        "machine rig* is parked by hand since 2023-11-14 22:13 UTC, until that is ended"
    ]
