"""How long a trip is written down before the first device is called.

    python -m tests.bench.trip_journal [--machines 27000]

Prints the milliseconds of what comes before the calls: the commands made, their rows
batched, and the commit with full synchronisation; and what one row each would cost.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from protocol.units import Seconds, UnixTime
from proxy.power.actuation.actuate import Actuations
from proxy.power.actuation.admission import Admission
from proxy.power.journal.batches import batched
from proxy.power.journal.chain import Event
from proxy.power.journal.effects import Effects
from proxy.power.journal.outbox import SiteOutbox
from proxy.power.journal.store import open_store
from proxy.power.link.messages import Joined
from proxy.power.machines.describer import Describer
from proxy.power.machines.table import Table
from tests.unit.power.tables import POWER, ROWS

AT = UnixTime(1_700_000_000.0)
NOW = Seconds(1000.0)


def a_hall(count: int) -> tuple[Table, Actuations, SiteOutbox]:
    """Return machines at full speed, each with a device API."""
    table, outbox = Table(Describer.of(POWER, ROWS)), SiteOutbox("hall-a")
    table.join(
        [
            Joined(n, f"lux.{n}", f"10.{n // 62500}.{n // 250 % 250}.{n % 250}", False)
            for n in range(count)
        ],
        NOW,
    )
    table.adopt(NOW)
    return table, Actuations(table, outbox, Admission(table, outbox)), outbox


def took_ms(since: float) -> float:
    return 1000.0 * (time.perf_counter() - since)


def written_ms(folder: str, events: Sequence[Event], effects: Effects) -> float:
    store = open_store(Path(folder) / f"{len(events)}.sqlite3")
    effects.events = list(events)
    since = time.perf_counter()
    store.write("hall-a", effects, (), AT)
    took = took_ms(since)
    store.close()
    return took


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--machines", type=int, default=27_000)
    count = options.parse_args().machines
    table, actuations, outbox = a_hall(count)
    since = time.perf_counter()
    table.command(np.zeros(count, dtype=np.int64), NOW)
    for machine in table.machines:
        actuations.command(machine, "trip", NOW)
        outbox.save(table.saved_row(machine))
    made = took_ms(since)
    effects, single = outbox.effects, list(outbox.effects.events)
    since = time.perf_counter()
    rows = batched(single)
    batching = took_ms(since)
    with TemporaryDirectory() as folder:
        events_only = written_ms(folder, rows, Effects())
        whole = written_ms(folder, rows, effects)
        before = written_ms(folder, single, Effects())
    lines = [
        f"{count} commands made {made:.0f} ms, batched {batching:.0f} ms",
        f"written as {len(rows)} rows {events_only:.0f} ms",
        f"with the state of each machine {whole:.0f} ms",
        f"as one row each, without that state, {before:.0f} ms",
    ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
