"""Whose silence it was, when nobody was there to listen."""

from protocol.units import Seconds
from proxy.runtime.pauses import PAUSED_AFTER, Pauses


def test_a_look_in_time_judges_at_once() -> None:
    pauses = Pauses(Seconds(1000.0))

    asked = [pauses.must_listen_first(Seconds(1000.0 + s)) for s in range(1, 5)]
    asked.append(pauses.must_listen_first(Seconds(1004.0 + PAUSED_AFTER)))

    assert asked == [False] * 5


def test_after_a_pause_one_look_lets_the_sockets_be_read() -> None:
    pauses = Pauses(Seconds(1000.0))

    assert pauses.must_listen_first(Seconds(1600.0))
    assert not pauses.must_listen_first(Seconds(1601.0))


def test_who_is_always_late_still_judges() -> None:
    pauses = Pauses(Seconds(1000.0))

    asked = [pauses.must_listen_first(Seconds(1000.0 + 5 * n)) for n in range(1, 5)]

    assert asked == [True, False, True, False]
