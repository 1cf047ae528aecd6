"""How long a year of a 27,000-machine site takes to verify, and how much memory.

`python -m tests.bench.verify_year [PART]`: PART of a year [0.1]; about 6 GB beside the
tiles for all of it. The rows are made up as the controller writes them: a minute of the
meter, a minute of shares of ten tenants, and batches of commands and their outcomes,
six commands a machine and day. Seconds are of the wall, and of this process's CPU.
"""

import json
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from protocol.tlog.checkpoint import Checkpoint
from protocol.tlog.note import Note
from protocol.tlog.tile import Edge
from proxy.oversight.folder import CHECKPOINT, LogFolder
from proxy.oversight.growth import Growth
from proxy.verifier.signatures import Trusted
from proxy.verifier.verify import Wanted, verify
from tests.oversight_logs import ORIGIN, SIGNER
from tests.oversight_story import BEGIN, SITE

YEAR = 365 * 1440
MACHINES = 27_000
TENANTS = 10
COMMANDS_A_DAY = 6 * MACHINES
BATCH = 1000


def leaves(minutes: int) -> Iterator[bytes]:
    number = 0

    def leaf(at: float, kind: str, body: bytes) -> bytes:
        nonlocal number
        number += 1
        head = json.dumps([number, at, SITE, kind, "a cause"], separators=(",", ":"))
        return head.encode() + b"\n" + body

    sums = b'{"n":40000,"d":61470000000.5,"d2":94460000000000000.5,"stale":120,'
    sums += b'"parked":0.0}'
    rows = [[n, f"10.1.{n % 256}.{n % 250}", 1, 3250.0] for n in range(BATCH)]
    done = [[*row, "settled"] for row in rows]
    commands = json.dumps({"rung": "limit", "rows": rows}).encode()
    outcomes = json.dumps({"of": "settled", "rung": "limit", "rows": done}).encode()
    every = max(1, 1440 * BATCH // COMMANDS_A_DAY)
    yield leaf(float(BEGIN), "start", b"{}")
    yield leaf(float(BEGIN), "budget", b'{"rule":"contract","watts":90000000.0}')
    for minute in range(minutes):
        begin = BEGIN + 60 * minute
        w = ",".join(str(88_000_000 + (minute * 7 + n) % 1000) for n in range(60))
        body = f'{{"from":{begin},"w":[{w}],"source":"meter"}}'.encode()
        yield leaf(begin + 60.0, "meter", body)
        for tenant in range(TENANTS + 1):
            head = f'{{"from":{begin},"site":'.encode()
            if tenant:
                body = head + b'{},"tenants":{"t%d":' % tenant + sums + b"}}"
                yield leaf(begin + 60.0, "tenant", body)
            else:
                yield leaf(begin + 60.0, "shares", head + sums + b',"tenants":{}}')
        if minute % every == 0:
            yield leaf(begin + 60.0, "commands", commands)
            yield leaf(begin + 61.0, "outcomes", outcomes)


def make(folder: LogFolder, minutes: int) -> int:
    """Write the log of so many minutes; return its leaves."""
    growth = Growth(Edge())
    for one in leaves(minutes):
        growth.add(one)
        for name, data in growth.full:
            path = folder.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)  # without the fsync of each: it is no log of anybody
        growth.forget()
    for name, data in growth.unfinished():
        folder.write(name, data)
    text = Checkpoint(ORIGIN, growth.size, growth.edge.root()).text
    folder.write(CHECKPOINT, Note(text, (SIGNER.line(text, 0),)).raw)
    return growth.size


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(part: float) -> None:
    state = Path(tempfile.mkdtemp(prefix="verify-year-"))
    try:
        begun = time.monotonic()  # noqa: TID251
        size = make(LogFolder(state), round(YEAR * part))
        made, before = time.monotonic(), peak_mb()  # noqa: TID251
        busy = time.process_time()
        found = verify(Wanted(state, Trusted((SIGNER.key,)))).report
        took = time.monotonic() - made  # noqa: TID251
        busy = time.process_time() - busy
    finally:
        shutil.rmtree(state)
    faults = [f.text for f in found.findings]
    print(  # noqa: T201
        f"{size:,} leaves, made in {made - begun:.0f} s, verified in {took:.1f} s"
        f" (CPU {busy:.1f} s, {size / busy:,.0f}/s),"
        f" peak {before:.0f} then {peak_mb():.0f} MB,"
        f" {found.energy_kwh:,.0f} kWh, findings {faults[:3]}"
    )


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 0.1)
