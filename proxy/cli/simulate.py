"""The commands that simulate: each runs a process of its own until Ctrl-C."""

import argparse
import sys
from pathlib import Path

from proxy.cli.command import hashrate, loading, miner_count, port, seconds

MAX_HALLS = 8
"""On one machine: each is four processes."""

RPC_PORT, ZMQ_PORT = 18443, 28332
"""Bitcoin Core's own on regtest, and the one that its manual names for ZMQ."""


def demo_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `demo`."""
    add = parser.add_argument
    add("--for", dest="for_s", type=seconds, metavar="S", help="[until Ctrl-C]")
    add("--miners", type=miner_count, default=200, metavar="N", help="[200]")
    about = "what happens: in a minute, as slowly as in life, or by signatures [fast]"
    add("--story", choices=("fast", "slow", "oversight"), default="fast", help=about)
    about = "so many proxies under one budget, on an embedded PostgreSQL; needs [halls]"
    add("--halls", type=halls, metavar="N", help=about)
    add("--no-screen", action="store_true", help="lines instead of a screen")


def demo(arguments: argparse.Namespace) -> int:
    """Run a node, the proxy and simulated ASICs in this process."""
    if arguments.halls is not None:
        return _demo_of_halls(arguments)
    try:
        with loading():
            from proxy.demo.run import run  # noqa: PLC0415
            from proxy.demo.services import DemoOptions  # noqa: PLC0415
    except ModuleNotFoundError as error:
        return _needs_extra("demo", error)
    run(
        DemoOptions(
            for_s=arguments.for_s,
            miners=arguments.miners,
            story=arguments.story,
            output="json"
            if arguments.json
            else "log"
            if arguments.no_screen
            else "screen",
        )
    )
    return 0


def halls(text: str) -> int:
    """Return how many halls to show."""
    value = int(text)
    if not 1 <= value <= MAX_HALLS:
        raise ValueError(text)
    return value


halls.__name__ = "number of halls"  # argparse says "invalid ... value"


def _demo_of_halls(arguments: argparse.Namespace) -> int:
    """Run several proxies, each a process of its own."""
    try:
        with loading():
            from proxy.demo.hall_plant import HallsOptions  # noqa: PLC0415
            from proxy.demo.halls import run  # noqa: PLC0415
        run(HallsOptions(arguments.halls, arguments.for_s, arguments.json))
    except ModuleNotFoundError as error:
        return _needs_extra("halls", error)
    return 0


def regtest_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `regtest`."""
    add = parser.add_argument
    add("--state-dir", type=Path, metavar="DIR", help="keep the chain there [nowhere]")
    add("--rpc-port", type=port, default=RPC_PORT, metavar="N", help="0: any [18443]")
    add("--zmq-port", type=port, default=ZMQ_PORT, metavar="N", help="0: any [28332]")
    add(
        "--block-every",
        type=seconds,
        metavar="S",
        help="serve a target that miners meet so often [the network's own]",
    )
    add(
        "--hashrate",
        type=hashrate,
        metavar="HS",
        help="of those miners, hashes per second [learned from their blocks]",
    )


def regtest(arguments: argparse.Namespace) -> int:
    """Run the embedded node."""
    with loading():
        from proxy.share_process.lone import run_regtest  # noqa: PLC0415

    try:
        run_regtest(arguments)
    except ModuleNotFoundError as error:
        return _needs_extra("regtest", error)


def fleet_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `sim fleet`."""
    from proxy.sim.command import add_arguments  # noqa: PLC0415

    add_arguments(parser)


def sim_fleet(arguments: argparse.Namespace) -> int:
    """Run simulated ASICs against a proxy."""
    with loading():
        from proxy.share_process.lone import run_fleet  # noqa: PLC0415

    run_fleet(arguments)


def plant_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `sim plant`."""
    from proxy.sim.plant_command import add_arguments  # noqa: PLC0415

    add_arguments(parser)


def sim_plant(arguments: argparse.Namespace) -> int:
    """Run simulated ASICs with device APIs, and a meter."""
    with loading():
        from proxy.share_process.lone import run_plant  # noqa: PLC0415

    run_plant(arguments)


def _needs_extra(extra: str, error: ModuleNotFoundError) -> int:
    sys.stderr.write(f"baseload: {error}: in the checkout, pip install '.[{extra}]'\n")
    return 1
