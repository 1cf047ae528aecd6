"""What systemd is told."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from proxy.runtime.service_manager import READY, STOPPING, Notifier, notifier_from


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.setblocking(False)
        yield listening


def test_states_go_out_in_one_datagram(manager: socket.socket) -> None:
    Notifier(manager.getsockname()).tell(READY, "STATUS=fine")

    assert manager.recv(100) == b"READY=1\nSTATUS=fine"


def test_an_address_with_an_at_is_an_abstract_one() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0baseload-test-notify")
        manager.setblocking(False)
        Notifier("@baseload-test-notify").tell(STOPPING)

        assert manager.recv(100) == b"STOPPING=1"


def test_no_manager_is_told_nothing() -> None:
    Notifier().tell(READY)
    Notifier("/nowhere/at/all").tell(READY)


def test_a_manager_who_does_not_read_holds_nobody_up(manager: socket.socket) -> None:
    notifier = Notifier(manager.getsockname())
    for _ in range(1000):  # far more than its queue holds
        notifier.tell("WATCHDOG=1")


def test_signs_of_life_come_twice_in_the_time_of_the_watchdog(
    manager: socket.socket,
) -> None:
    clock = Clock()
    environment = {
        "NOTIFY_SOCKET": manager.getsockname(),
        "WATCHDOG_USEC": "30000000",
        "WATCHDOG_PID": "7",
        "HOME": "/",
    }
    service = notifier_from(environment, 7).signs_of_life(clock)
    assert service is not None
    service.startService()
    signs = 0
    for _ in range(60):
        clock.advance(1)
        try:
            signs += manager.recv(100) == b"WATCHDOG=1"
        except BlockingIOError:
            continue

    assert signs == 5  # at 0, 15, 30, 45 and 60 s
    assert environment == {"HOME": "/"}  # no child speaks for us
    assert Deferred.fromCoroutine(service.stopService()).called


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"},
        {"WATCHDOG_USEC": "soon"},
    ],
)
def test_a_watchdog_that_is_not_ours_is_not_fed(environment: dict[str, str]) -> None:
    assert notifier_from(environment, 7).signs_of_life(Clock()) is None
