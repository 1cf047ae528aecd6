"""A command is looked at when it is due: that is as good as a look each second."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import cycle
from operator import itemgetter

import pytest
from attrs import define, field, frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.units import Seconds
from proxy.power.actuation.verify import READ_BACK_WITHIN
from proxy.power.journal.effects import Call
from proxy.power.machines.machine import LONG_AGO
from proxy.power.ports import DeviceError, DeviceReport
from tests.unit.power.tables import later
from tests.unit.power.test_actuate import OFF, SLOW, T_DOWN, TOP, Hall

AT_MOST = 800
"""Seconds that one command is watched: longer than an answer is waited for."""

UNREAD = -1

Answer = tuple[float, str | None]
"""Seconds until a call ends, and why it failed."""

Word = tuple[float, int | None]
"""Seconds until a question ends, and at what level the device says it is."""


@frozen
class Device:
    """How a device takes what it is told, time after time, and what is seen of it."""

    answers: Sequence[Answer]
    words: Sequence[Word]
    shares: Sequence[float]
    metered: Sequence[bool | None]  # half a minute each


delays = st.sampled_from([0.0, 0.3, 1.5, 3.0, 15.0]) | st.floats(0.0, 60.0)
why_not = st.sampled_from([None, None, None, "no"])
levels = st.sampled_from([None, OFF, SLOW, TOP, UNREAD])
devices = st.builds(
    Device,
    answers=st.lists(
        st.tuples(delays | st.just(700.0), why_not), min_size=1, max_size=3
    ),
    words=st.lists(st.tuples(delays, levels), min_size=1, max_size=5),
    shares=st.lists(st.floats(0.0, 120.0), max_size=3),
    metered=st.lists(st.sampled_from([True, False, None]), min_size=1, max_size=3),
)


@define
class Life:
    """What becomes of one command."""

    device: Device
    is_woken: bool = field(kw_only=True)
    told: list[tuple[float, str, str]] = field(factory=list)
    asked: list[float] = field(factory=list)
    hall: Hall = field(init=False)
    _coming: list[tuple[float, Callable[[Seconds], None]]] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.hall = Hall(is_asleep=self.is_woken)

    def live(self, level: int, phase: float, *, looks_each_second: bool) -> "Life":
        answers, words = cycle(self.device.answers), cycle(self.device.words)
        for at in self.device.shares:
            self._coming.append((at, self._share))
        self.hall.tell(level)
        self._call(answers, 0.0)
        for second in range(AT_MOST):
            now = second + phase
            self._pass(now, answers)
            if not len(self.hall.actuations):
                break
            self._tick(now, looks_each_second=looks_each_second)
            self._call(answers, now)
            if self.asked and self.asked[-1] == now:
                after, said = next(words)
                self._coming.append((now + after, partial(self._say, said)))
        return self

    def _tick(self, now: float, *, looks_each_second: bool) -> None:
        actuations, metered = self.hall.actuations, self.device.metered
        if looks_each_second:
            for pending in actuations._pending.values():
                pending.mind_at = LONG_AGO
        is_metered = metered[int(now) // 30 % len(metered)]
        asked = self.hall.tick(later(now), is_metered=is_metered)
        self.asked += [now] if asked else []
        self._note(now)

    def _call(self, answers: Iterator[Answer], now: float) -> None:
        for call in self.hall.calls():
            after, why = next(answers)
            self._coming.append((now + after, partial(self._answer, call, why)))

    def _pass(self, now: float, answers: Iterator[Answer]) -> None:
        """Let all come that is due, each at its own moment."""
        while due := sorted(
            (c for c in self._coming if c[0] <= now), key=itemgetter(0)
        ):
            self._coming.remove(due[0])
            at, come = due[0]
            come(later(at))
            self._note(at)
            self._call(answers, at)

    def _answer(self, call: Call, why: str | None, at: Seconds) -> None:
        error = None if why is None else DeviceError(why)
        self.hall.actuations.answered(call, error, at)

    def _say(self, level: int | None, at: Seconds) -> None:
        machine = self.hall.machine
        if level == UNREAD:
            self.hall.actuations.unheard(machine, at)
        else:
            self.hall.actuations.reported(machine, DeviceReport(), level, at)

    def _share(self, at: Seconds) -> None:
        self.hall.machine.hashed_at = at

    def _note(self, at: float) -> None:
        events, self.hall.outbox.events = self.hall.outbox.events, []
        self.told += [(at, kind, cause) for kind, cause, _ in events]


@settings(max_examples=30, deadline=None)
@given(
    device=devices,
    level=st.sampled_from([OFF, SLOW, TOP]),
    phase=st.floats(0.0, 0.99),
    is_woken=st.booleans(),
)
def test_a_look_when_it_is_due_finds_what_a_look_each_second_does(
    device: Device, level: int, phase: float, *, is_woken: bool
) -> None:
    due = Life(device, is_woken=is_woken).live(level, phase, looks_each_second=False)
    always = Life(device, is_woken=is_woken).live(level, phase, looks_each_second=True)

    assert (due.told, due.asked) == (always.told, always.asked)


@pytest.mark.parametrize("ack_s", [0.3, 3.0, 15.0])
def test_a_device_that_says_yes_and_does_nothing_is_noticed(ack_s: float) -> None:
    device = Device([(ack_s, None)], [(0.1, TOP)], [], [None])

    life = Life(device, is_woken=False).live(OFF, 0.0, looks_each_second=False)

    first = next(at for at, kind, _ in life.told if kind == "verdict")
    assert first <= ack_s + READ_BACK_WITHIN + T_DOWN + 1.0
    assert len(life.asked) >= 5
