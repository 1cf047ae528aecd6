"""How much work a piece of code does, counted: no clock, no busy machine in it."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

TWICE = 2.2
"""What twice as many machines may cost: twice the work, and a little."""


def instructions(action: Callable[[], object]) -> int:
    """Return how many instructions of Python `action` runs."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        if event == "call":
            frame.f_trace_opcodes = True
            frame.f_trace_lines = False
        elif event == "opcode":
            count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        action()
    finally:
        sys.settrace(before)
    return count


def growth(build: Callable[[int], Callable[[], object]], size: int) -> float:
    """Return how many times as much work twice the `size` is.

    Args:
        build: Returns what is to be measured, for a number of machines.
        size: That number.
    """
    once, twice = (instructions(build(n)) for n in (size, 2 * size))
    return twice / once
