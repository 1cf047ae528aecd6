"""The command line: `baseload`."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from proxy.admin.client import AdminError, call
from proxy.admin.render import RENDERERS
from proxy.config import ConfigError, load_config, refuse_unready

Command = Callable[[argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return 0 done, 1 refused or failed, 2 wrong usage."""
    arguments = _parser().parse_args(argv)
    command: Command = arguments.command
    try:
        return command(arguments)
    except (ConfigError, AdminError) as error:
        sys.stderr.write(f"baseload: {error}\n")
        return 1
    except BrokenPipeError:
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="baseload",
        description="A Stratum proxy that holds a mining site to its power budget.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = _add(commands, "run", _run, "run the proxy until SIGTERM")
    run.add_argument("-c", "--config", type=Path, required=True, metavar="FILE")
    check = _add(commands, "check-config", _check, "read a configuration and stop")
    check.add_argument("-c", "--config", type=Path, required=True, metavar="FILE")
    for name, help_text in (
        ("status", "the whole process at a glance"),
        ("sites", "every site"),
        ("pools", "every pool, and why it is not in use"),
        ("nodes", "every Bitcoin node"),
    ):
        _add_remote(commands, name, help_text)
    top = _add_remote(commands, "top", "the status, drawn again every second")
    top.add_argument("--once", action="store_true", help="draw one frame and stop")
    top.set_defaults(command=_top)
    miners = _add_remote(commands, "miners", "connected miners")
    miners.add_argument("--filter", default="*", help="glob on the worker name")
    miners.add_argument("--page", type=int, default=0, help="1,000 miners each")
    kick = _add_remote(commands, "kick", "hang up on a miner")
    kick.add_argument("miner", help="id or worker name")
    ban = _add_remote(commands, "ban", "refuse an address for a time")
    ban.add_argument("address")
    ban.add_argument("--for", dest="for_s", type=float, default=3600.0, metavar="S")
    unban = _add_remote(commands, "unban", "take an address again")
    unban.add_argument("address")
    drain = _add_remote(commands, "drain", "take no more miners, send away those here")
    drain.add_argument("site", nargs="?", default=None)
    demo = _add(commands, "demo", _demo, "a whole plant in one process, for a look")
    demo.add_argument("--for", dest="for_s", type=float, default=None, metavar="S")
    demo.add_argument("--miners", type=int, default=200)
    demo.add_argument("--no-screen", action="store_true", help="log lines instead")
    sim = commands.add_parser("sim", help="simulated machines").add_subparsers(
        required=True, metavar="WHAT"
    )
    fleet = sim.add_parser("fleet", help="simulated ASICs that really hash")
    fleet.set_defaults(command=_sim_fleet)
    if "sim" in sys.argv:  # loads a simulator: only where it is asked for
        from proxy.sim.command import add_arguments  # noqa: PLC0415

        add_arguments(fleet)
    return parser


def _demo(arguments: argparse.Namespace) -> int:
    from proxy.demo import DemoOptions, run  # noqa: PLC0415

    run(
        DemoOptions(
            for_s=arguments.for_s,
            miners=arguments.miners,
            output="json"
            if arguments.json
            else "log"
            if arguments.no_screen
            else "screen",
        )
    )
    return 0


def _sim_fleet(arguments: argparse.Namespace) -> int:
    from proxy.main import run_fleet  # noqa: PLC0415

    run_fleet(arguments)


def _add(
    commands: Any, name: str, command: Command, help_text: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=help_text, description=help_text
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(command=command, name=name)
    return parser


def _add_remote(commands: Any, name: str, help_text: str) -> argparse.ArgumentParser:
    parser = _add(commands, name, _remote, help_text)
    where = parser.add_mutually_exclusive_group()
    where.add_argument("-s", "--socket", type=Path, metavar="PATH")
    where.add_argument("-c", "--config", type=Path, metavar="FILE")
    return parser


def _run(arguments: argparse.Namespace) -> int:
    from proxy.main import run  # noqa: PLC0415  (commands need no reactor)

    config = load_config(arguments.config)
    refuse_unready(config)
    run(config)
    return 0


def _check(arguments: argparse.Namespace) -> int:
    config = load_config(arguments.config)
    refuse_unready(config)
    summary = {"sites": len(config.sites), "pools": len(config.pools)}
    if arguments.json:
        _print_json(summary)
    else:
        sys.stdout.write(f"{arguments.config}: {summary['sites']} sites, good\n")
    return 0


_LOCAL = {"command", "name", "json", "socket", "config"}


def _remote(arguments: argparse.Namespace) -> int:
    params = {k: v for k, v in vars(arguments).items() if k not in _LOCAL}
    result = call(_socket_of(arguments), arguments.name, params)
    if arguments.json:
        _print_json(result)
    else:
        sys.stdout.write(RENDERERS[arguments.name](result))
    return 0


def _top(arguments: argparse.Namespace) -> int:
    from rich.console import Console  # noqa: PLC0415

    from proxy.admin.top import show  # noqa: PLC0415

    socket = _socket_of(arguments)
    if arguments.json:
        _print_json(call(socket, "status", {}))
    else:
        show(lambda: call(socket, "status", {}), Console(), once=arguments.once)
    return 0


def _socket_of(arguments: argparse.Namespace) -> Path:
    """Return the admin socket that the command shall speak to."""
    if arguments.socket is not None:
        return Path(arguments.socket)
    if arguments.config is not None:
        admin = load_config(arguments.config).proxy.admin
        return Path(admin.partition(":")[2])
    if "BASELOAD_ADMIN" in os.environ:
        return Path(os.environ["BASELOAD_ADMIN"].removeprefix("unix:"))
    raise AdminError("which proxy? name it by -s PATH, -c FILE or $BASELOAD_ADMIN")


def _print_json(value: object) -> None:
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")


if __name__ == "__main__":
    sys.exit(main())
