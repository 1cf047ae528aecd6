"""How much work a piece of code does, counted: no clock, no busy machine in it."""

import sys
from collections.abc import Callable
from itertools import count
from types import FrameType
from typing import Any

TWICE = 2.2
"""What twice as many machines may cost: twice the work, and a little."""


def instructions(action: Callable[[], object]) -> int:
    """Return how many instructions of Python `action` runs."""
    if sys.version_info >= (3, 12):
        return _monitored(action)
    return _traced(action)


def _monitored(action: Callable[[], object]) -> int:
    """Count them as Python 3.12 and later can: its traces leave opcodes out."""
    monitoring: Any = sys.monitoring  # type: ignore[attr-defined]  # not there on 3.11
    found = count()
    monitoring.use_tool_id(monitoring.PROFILER_ID, "instructions")
    kind = monitoring.events.INSTRUCTION
    monitoring.register_callback(monitoring.PROFILER_ID, kind, lambda *_: next(found))
    monitoring.set_events(monitoring.PROFILER_ID, kind)
    try:
        action()
    finally:
        monitoring.set_events(monitoring.PROFILER_ID, 0)
        monitoring.register_callback(monitoring.PROFILER_ID, kind, None)
        monitoring.free_tool_id(monitoring.PROFILER_ID)
    return next(found)


def _traced(action: Callable[[], object]) -> int:
    ran = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal ran
        if event == "call":
            frame.f_trace_opcodes = True
            frame.f_trace_lines = False
        elif event == "opcode":
            ran += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        action()
    finally:
        sys.settrace(before)
    return ran


def growth(build: Callable[[int], Callable[[], object]], size: int) -> float:
    """Return how many times as much work twice the `size` is.

    Args:
        build: Returns what is to be measured, for a number of machines.
        size: That number.
    """
    once, twice = (instructions(build(n)) for n in (size, 2 * size))
    return twice / once
