"""One that fails is dropped; everybody else is served."""

from collections.abc import Iterator

from attrs import define

from proxy.runtime.contain import serve_each, serve_from
from tests.conftest import FlushFailures


class BrokenError(Exception):
    """What a fault of ours raises."""


@define
class Guest:
    is_broken: bool = False
    cannot_go: bool = False
    served: int = 0
    why: str = ""

    def serve(self) -> None:
        if self.is_broken:
            raise BrokenError
        self.served += 1

    def drop(self, why: str) -> None:
        if self.cannot_go:
            raise BrokenError
        self.why = why


def test_who_fails_is_dropped_and_the_others_are_served(
    flush_failures: FlushFailures,
) -> None:
    guests = [Guest(), Guest(is_broken=True), Guest(), Guest(is_broken=True), Guest()]

    serve_each(guests, Guest.serve, "serving")

    assert [guest.served for guest in guests] == [1, 0, 1, 0, 1]
    assert [guest.why for guest in guests if guest.is_broken] == [
        "a fault of ours: serving failed"
    ] * 2
    assert not any(guest.why for guest in guests if not guest.is_broken)
    assert flush_failures(BrokenError) == 2


def test_who_cannot_even_be_dropped_holds_up_nobody(
    flush_failures: FlushFailures,
) -> None:
    last = Guest()

    serve_each([Guest(is_broken=True, cannot_go=True), last], Guest.serve, "serving")

    assert last.served == 1
    assert flush_failures(BrokenError) == 2


def test_some_may_leave_while_others_are_served() -> None:
    guests = {n: Guest() for n in range(3)}

    serve_each(guests.values(), lambda _: guests.popitem(), "taking one away")

    assert not guests


def test_the_next_is_asked_for_when_one_is_served(
    flush_failures: FlushFailures,
) -> None:
    guests = [Guest(), Guest(is_broken=True), Guest()]
    served_before: list[int] = []

    def come() -> Iterator[Guest]:
        for guest in guests:
            served_before.append(sum(one.served for one in guests))
            yield guest

    serve_from(come(), Guest.serve, "serving")

    assert served_before == [0, 1, 1]
    assert [guest.served for guest in guests] == [1, 0, 1]
    assert guests[1].why == "a fault of ours: serving failed"
    assert flush_failures(BrokenError) == 1
