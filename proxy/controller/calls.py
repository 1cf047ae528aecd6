"""Calls to devices, so many at once: those that make them draw less go first."""

from collections import deque
from collections.abc import Callable
from typing import Protocol

from attrs import define, field

from proxy.power.journal.effects import Call, Verb
from proxy.power.ports import DeviceControl, DeviceError, DeviceReport
from proxy.runtime.tasks import Tasks

MAX_DOWN = 1024
"""Steps down at once: a trip of 1,000 machines must not wait for those that hang."""

MAX_OTHER = 128

MAX_QUEUED = 200_000
"""Calls that wait; the oldest go unmade."""


class CallListener(Protocol):
    """Who hears how calls end."""

    def answered(self, call: Call, error: DeviceError | None) -> None:
        """Take in the end of a command; None: acknowledged."""

    def reported(self, key: str, report: DeviceReport | None) -> None:
        """Take in a report; None: the device does not answer."""


@define(eq=False, repr=False)
class DeviceCalls:
    """Makes the calls of one site."""

    devices: DeviceControl
    listener: CallListener
    _held: list[Call] = field(factory=list, init=False)  # at most MAX_QUEUED
    _tasks: Tasks = field(factory=Tasks, init=False)
    _queues: dict[bool, deque[Call]] = field(init=False)
    _active: dict[bool, int] = field(factory=lambda: {True: 0, False: 0}, init=False)

    def __attrs_post_init__(self) -> None:
        self._queues = {urgent: deque() for urgent in (True, False)}  # MAX_QUEUED

    def add(self, call: Call) -> None:
        """Make `call` as soon as its turn comes."""
        lane = call.is_down
        queue = self._queues[lane]
        if len(queue) >= MAX_QUEUED:
            self._drop(queue.popleft())
        queue.append(call)
        if self._active[lane] < (MAX_DOWN if lane else MAX_OTHER):
            self._active[lane] += 1
            self._tasks.start("device calls", self._work(is_down=lane))

    def hold(self, call: Call) -> None:
        """Keep a call that may not be made yet: it could not be written down."""
        if len(self._held) < MAX_QUEUED:
            self._held.append(call)

    def release(self, is_wanted: Callable[[Call], bool]) -> None:
        """Make the calls that were kept, as far as they still hold."""
        held, self._held = self._held, []
        for call in held:
            if is_wanted(call):
                self.add(call)

    async def stop(self) -> None:
        """Make no more calls, and give up those under way."""
        for queue in self._queues.values():
            queue.clear()
        await self._tasks.cancel_all()

    async def _work(self, *, is_down: bool) -> None:
        queue = self._queues[is_down]
        try:
            while queue:
                await self._make(queue.popleft())
        finally:
            self._active[is_down] -= 1

    async def _make(self, call: Call) -> None:
        if call.verb is Verb.READ:
            try:
                report = await self.devices.read(call.address)
            except DeviceError:
                self.listener.reported(call.key, None)
            else:
                self.listener.reported(call.key, report)
            return
        try:
            is_acknowledged = await self._command(call)
        except DeviceError as error:
            self.listener.answered(call, error)
        else:
            refused = None if is_acknowledged else DeviceError("the device refused")
            self.listener.answered(call, refused)

    def _drop(self, call: Call) -> None:
        """Say of a call that it was not made."""
        if call.verb is Verb.READ:
            self.listener.reported(call.key, None)
        else:
            why = f"more than {MAX_QUEUED} calls wait"
            self.listener.answered(call, DeviceError(why))

    async def _command(self, call: Call) -> bool:
        match call.verb:
            case Verb.SLEEP:
                return await self.devices.sleep(call.address)
            case Verb.WAKE:
                return await self.devices.wake(call.address)
            case _:
                return await self.devices.limit(call.address, call.watts)
