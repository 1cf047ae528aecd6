"""Wait at a terminal for a key."""

import os
import sys
import termios
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from select import select


@contextmanager
def single_keys() -> Iterator[None]:
    """Hand over each key as it is pressed, unseen, until the block ends."""
    if not sys.stdin.isatty():
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def is_pressed(key: str, within: float) -> bool:
    """Wait up to `within` seconds; return whether `key` was pressed."""
    if not sys.stdin.isatty():
        time.sleep(within)
        return False
    ready, _, _ = select([sys.stdin], [], [], within)
    return bool(ready) and os.read(sys.stdin.fileno(), 1) == key.encode()
