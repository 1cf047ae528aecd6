"""The garbage collector of a process that others wait for."""

import gc


def calm_collector() -> None:
    """Look for garbage in cycles less often: a full search stops everybody.

    It took 50 ms with 2,000 miners, and 215 ms in a controller of 27,000 machines, four
    times in the first seconds of a trip. What was imported is never garbage.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)
