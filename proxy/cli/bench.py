"""The command that measures: `baseload bench`."""

import argparse
import signal
import sys
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any

import msgspec

from proxy.admin.client import AdminError
from proxy.cli.command import INTERRUPTED, MAX_PORT, Parser, miner_count, seconds

SCENARIOS = ("closed", "paced", "idle", "fanout", "storm", "soak")
"""What can be named."""

SHORT = SCENARIOS[:-1]
"""What is run if none is named: what takes no longer than a minute each."""

MAX_ROUNDS = 100
MAX_RATE = 1e7
MAX_WINDOW = 64


def loopback(text: str) -> tuple[str, int]:
    """Return host and port of a server on this machine: nobody else's is loaded."""
    host, _, digits = text.rpartition(":")
    if host == "localhost":
        host = "127.0.0.1"
    if not 0 < int(digits) <= MAX_PORT or not ip_address(host).is_loopback:
        raise ValueError(text)
    return host, int(digits)


def scenario(text: str) -> str:
    """Return the name of a scenario."""
    if text not in SCENARIOS:
        raise argparse.ArgumentTypeError(
            f"no scenario {text!r}: there are {', '.join(SCENARIOS)}"
        )
    return text


def rounds(text: str) -> int:
    """Return how often each server is measured."""
    return _whole(text, MAX_ROUNDS)


def window(text: str) -> int:
    """Return how many shares of a miner wait for their answers."""
    return _whole(text, MAX_WINDOW)


def rate(text: str) -> float:
    """Return shares per second."""
    value = float(text)
    if not 0 < value <= MAX_RATE:
        raise ValueError(text)
    return value


def process_id(text: str) -> int:
    """Return the number of a process."""
    return _whole(text, 2**31)


def _whole(text: str, most: int) -> int:
    value = int(text)
    if not 1 <= value <= most:
        raise ValueError(text)
    return value


loopback.__name__ = "loopback HOST:PORT"  # argparse says "invalid ... value"


def bench_options(parser: Parser) -> None:
    """Declare the options of `bench`."""
    add = parser.add_argument
    add(
        "scenarios",
        nargs="*",
        type=scenario,
        metavar="SCENARIO",
        help=f"{', '.join(SCENARIOS)} [all but soak]",
    )
    add("--engine", choices=("auto", "native", "python"), default="auto")
    add("--seconds", type=seconds, metavar="S", help="each round [by scenario]")
    add("--rounds", type=rounds, metavar="N", help="each server [by scenario]")
    add("--miners", type=miner_count, metavar="N", help="[by scenario]")
    add("--window", type=window, default=4, metavar="N", help="shares in flight [4]")
    add("--rate", type=rate, default=20_000.0, metavar="N", help="paced [20000/s]")
    add(
        "--against",
        type=loopback,
        metavar="HOST:PORT",
        help="another Stratum V1 server, which you started, in turn with ours",
    )
    add("--against-pid", type=process_id, metavar="PID", help="its process")
    add(
        "--pool",
        type=loopback,
        metavar="HOST:PORT",
        help="mine there [on a pool of the bench's own]",
    )


def bench(arguments: argparse.Namespace) -> int:
    """Measure a proxy of its own, and print what it bears."""
    try:
        from proxy.bench import scenarios as known  # noqa: PLC0415  (compiled)
        from proxy.bench.target import BenchError  # noqa: PLC0415
    except ImportError as error:
        return _fail(f"the load generator was not built: {error}")
    chosen = [
        one for name in arguments.scenarios or SHORT for one in known.SCENARIOS[name]
    ]
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends what we started
    try:
        _measure(chosen, arguments)
    except BrokenPipeError:
        raise  # whoever reads has had enough
    except (BenchError, AdminError, OSError) as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _measure(chosen: Sequence[Any], arguments: argparse.Namespace) -> None:
    from proxy.bench.report import table_of  # noqa: PLC0415
    from proxy.bench.run import run  # noqa: PLC0415
    from proxy.bench.soak import refuse_growth  # noqa: PLC0415

    results = []

    def show(result: Any) -> None:
        results.append(result)
        if not arguments.json:
            sys.stdout.write(table_of(result) + "\n")
            sys.stdout.flush()

    document = run(chosen, _options(arguments), show)
    if arguments.json:
        sys.stdout.write(msgspec.json.encode(document).decode() + "\n")
    for result in results:
        for rounds in result.rounds.values():
            for figures in rounds:
                refuse_growth(figures)


def _options(arguments: argparse.Namespace) -> Any:
    from proxy.bench.scenarios import Options  # noqa: PLC0415
    from proxy.bench.target import Target  # noqa: PLC0415

    against, pool = arguments.against, arguments.pool
    return Options(
        engine=arguments.engine,
        seconds=arguments.seconds,
        rounds=arguments.rounds,
        miners=arguments.miners,
        window=arguments.window,
        rate=arguments.rate,
        against=None
        if against is None
        else Target("against", against[0], against[1], arguments.against_pid),
        pool=None if pool is None else Target("pool", pool[0], pool[1]),
    )


def _fail(why: str) -> int:
    sys.stderr.write(f"baseload: {why}\n")
    return 1
