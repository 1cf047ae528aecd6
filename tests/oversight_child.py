"""A controller's log in a process of its own: rows are written and published, for ever.

`python -m tests.oversight_child STATE`: it prints a line once it runs.
"""

import sys
from pathlib import Path

from tests.oversight_logs import Plant


def main(state: Path) -> None:
    plant = Plant(state)
    plant.written = plant.store._last[0]
    writer = plant.writer()
    print("runs", flush=True)  # noqa: T201
    while True:
        plant.write(37)
        plant.publish(writer)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
