"""The bare server as a process: the baseline under all measurements, and their pool.

    python -m proxy.bench.serve --difficulty 1e9 --every 1

It prints its port, as JSON, and serves until its standard input ends or a signal comes.
"""

import os
import select
import sys
import time
from argparse import ArgumentParser
from itertools import count

import msgspec

from proxy.bench.native.generator import Server

BRANCHES = 12
EXTRANONCE_BYTES = 12
"""Of both extranonces, in the coinbase's script."""

NBITS = "17034219"
"""A difficulty of 86 T: no share of a load's is a block."""

_INPUT = bytes.fromhex("0200000001" + "00" * 32 + "ffffffff")
_OUTPUTS = bytes.fromhex("ffffffff0200f2052a01000000160014" + "07" * 20)
_COMMITMENT = bytes.fromhex("0000000000000000266a24aa21a9ed" + "09" * 32 + "00000000")
_HEIGHT_AND_TAG = bytes.fromhex("03a0bb0d") + b"baseload bench  "


class JobWriter:
    """Writes one job after the other.

    Args:
        difficulty: Of shares.
        block_every: Jobs on one block; 0: all.
    """

    def __init__(self, difficulty: float, block_every: int = 0) -> None:
        self._numbers = count(1)
        self._block_every = block_every
        self._prev_hash = _new_block()
        self.greeting = _line("mining.set_difficulty", [difficulty])

    def next_job(self, ntime: int) -> bytes:
        """Return a mining.notify like no other before."""
        number = next(self._numbers)
        is_new = bool(self._block_every) and number % self._block_every == 0
        if is_new:
            self._prev_hash = _new_block()
        script = _HEIGHT_AND_TAG + os.urandom(8)
        size = bytes([len(script) + EXTRANONCE_BYTES])
        return _line(
            "mining.notify",
            [
                f"{number:x}",
                self._prev_hash.hex(),
                (_INPUT + size + script).hex(),
                (_OUTPUTS + _COMMITMENT).hex(),
                [os.urandom(32).hex() for _ in range(BRANCHES)],
                "20000000",
                NBITS,
                f"{ntime:08x}",
                is_new,
            ],
        )


def _new_block() -> bytes:
    return os.urandom(28) + bytes(4)


def _line(method: str, params: list[object]) -> bytes:
    message = {"id": None, "method": method, "params": params}
    return msgspec.json.encode(message) + b"\n"


def serve(server: Server, writer: JobWriter, every: float) -> None:
    """Serve, with a new job each `every` seconds, until standard input ends."""
    while not select.select([sys.stdin], [], [], 0)[0]:
        now = int(time.time())  # noqa: TID251  (a process of its own: ntime is this)
        server.post(writer.greeting, writer.next_job(now))
        server.run(every)


def options_parser() -> ArgumentParser:
    """Return what reads the command line."""
    parser = ArgumentParser(prog="python -m proxy.bench.serve", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="IPv4 [127.0.0.1]")
    parser.add_argument("--port", type=int, default=0, help="0: any [0]")
    parser.add_argument("--difficulty", type=float, default=1e-9, help="[1e-9]")
    parser.add_argument("--every", type=float, default=1.0, metavar="S", help="[1]")
    parser.add_argument(
        "--block-every", type=int, default=0, metavar="N", help="jobs [never]"
    )
    return parser


def main() -> None:
    """Run the process."""
    options = options_parser().parse_args()
    server = Server(options.host, options.port)
    writer = JobWriter(options.difficulty, options.block_every)
    sys.stdout.write(msgspec.json.encode({"port": server.port}).decode() + "\n")
    sys.stdout.flush()
    try:
        serve(server, writer, options.every)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
