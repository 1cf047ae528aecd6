"""CPU time of this process, best of some runs, and what the machine is worth."""

import json
import sys
import time
from collections.abc import Callable

from twisted.internet.task import Clock

RUNS = 5

CALIBRATION_STEPS = 1_000_000


def cpu_ms(action: Callable[[], object]) -> float:
    """Return what `action` takes of the processor, in ms."""
    begin = time.process_time()
    action()
    return 1000 * (time.process_time() - begin)


def calibration_ms() -> float:
    """Return what a million additions take, in ms, best of `RUNS`: about 40 to 80."""
    return min(cpu_ms(_add_up) for _ in range(RUNS))


def best(measure: Callable[[], float]) -> float:
    """Return the least of `RUNS` measurements."""
    return min(measure() for _ in range(RUNS))


def turn_of(clock: Clock) -> Callable[[], None]:
    """Return what makes the calls that are due now, and not those they put off."""
    due = [call for call in clock.calls if call.getTime() <= clock.seconds()]

    def make() -> None:
        for call in due:
            clock.calls.remove(call)
            call.called = 1
            call.func(*call.args)

    return make


def slices_ms(clock: Clock, first: Callable[[], object]) -> list[float]:
    """Return what `first` takes, and each turn after it until nothing is left to do."""
    slices = [cpu_ms(first)]
    while any(call.getTime() <= clock.seconds() for call in clock.calls):
        slices.append(cpu_ms(turn_of(clock)))
    return slices


def report(**figures: object) -> None:
    """Print a line of JSON; floats to two places."""
    shown = {k: round(v, 2) if isinstance(v, float) else v for k, v in figures.items()}
    sys.stdout.write(json.dumps(shown) + "\n")
    sys.stdout.flush()


def _add_up() -> int:
    total = 0
    for number in range(CALIBRATION_STEPS):
        total += number
    return total
