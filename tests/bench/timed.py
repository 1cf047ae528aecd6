"""Print what a simulation came to, and what it cost."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory


def print_timed(live: Callable[[Path], object]) -> None:
    """Print what `live` returns, and the CPU time that it took.

    Args:
        live: Is given a folder of its own.
    """
    began = time.process_time()
    with TemporaryDirectory() as folder:
        outcome = live(Path(folder))
    spent = time.process_time() - began
    sys.stdout.write(f"{outcome}\n{spent:.0f} s of CPU\n")
