"""The cluster's protocol under faults, as often as one wants: `cluster_runs 2000`.

Prints the runs in which the sum of what is drawn exceeded the budget; there are none.
"""

import sys

from tests.fakes.cluster_sim import World
from tests.property.test_allotment import FALLS_FOR


def main(count: int) -> int:
    """Run half of `count` with machines that obey at once, half with slow ones."""
    failed: list[tuple[int, float, int]] = []
    leaders, use = 0, 0.0
    for seed in range(count):
        down_s = FALLS_FOR if seed % 2 else 0.0
        world = World(100_000 + seed, down_s=down_s).run()
        leaders, use = leaders + len(world.leaders), use + world.use()
        if world.excess() > 0:
            failed.append((world.seed, down_s, world.excess()))
    sys.stdout.write(
        f"{count} runs of {World(0).duration:g} s, {leaders} leaderships,"
        f" mean use {use / max(1, count):.2f}: {len(failed)} exceeded {failed[:5]}\n"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000))
