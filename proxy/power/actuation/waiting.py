"""Commands that are decided and not issued yet: a slice of them at a time.

Issuing one takes some 50 us, and all of a trip of 27,000 machines would hold the
reactor for seconds. Those that make machines draw less go first.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from attrs import define, field

from proxy.power.machines.machine import Machine

SLICE = 500
"""Commands that are issued, or looked at, in a row: 25 to 50 ms, and the devices of one
slice are called while the next is made."""


@define(eq=False, repr=False)
class WaitingCommands:
    """Machines that are to be told their levels, each with the cause."""

    _down: dict[str, tuple[Machine, str]] = field(factory=dict, init=False)
    _up: dict[str, tuple[Machine, str]] = field(factory=dict, init=False)

    def __len__(self) -> int:
        return len(self._down) + len(self._up)

    def __contains__(self, machine: Machine) -> bool:
        return machine.key in self._down or machine.key in self._up

    def put(self, told: Iterable[tuple[Machine, str]], is_down: Sequence[bool]) -> None:
        """Have machines told their levels, instead of what they were to be told.

        Args:
            told: Machines and causes.
            is_down: By row, which draw less then.
        """
        for one in told:
            key = one[0].key
            self._down.pop(key, None)
            self._up.pop(key, None)
            (self._down if is_down[one[0].row] else self._up)[key] = one

    def drop(self, machine: Machine) -> None:
        """Have it told nothing."""
        self._down.pop(machine.key, None)
        self._up.pop(machine.key, None)

    def slice(self) -> Iterator[tuple[Machine, str]]:
        """Yield the next that are to be told; they wait no longer."""
        left = SLICE
        for queue in (self._down, self._up):
            # Found at once: to look for the first of a dict is to pass all places that
            # were taken out of it.
            some = list(islice(queue, left))
            left -= len(some)
            for key in some:
                yield queue.pop(key)

    def yet_to_fall(self) -> list[int]:
        """Return the rows of those that shall draw less, and do not know it yet."""
        return [machine.row for machine, _ in self._down.values()]
