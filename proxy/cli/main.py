"""The command line: `baseload`."""

import argparse
import io
import sys
from collections.abc import Sequence
from typing import Any

from proxy.admin.client import AdminError
from proxy.cli.bench import bench, bench_options
from proxy.cli.capture import capture, capture_options
from proxy.cli.check import check, check_options, doctor_options
from proxy.cli.cluster import ship_ledger
from proxy.cli.command import (
    INTERRUPTED,
    Command,
    Parser,
    config_option,
    loading,
)
from proxy.cli.completion import completion, completion_options
from proxy.cli.groups import GROUPS
from proxy.cli.help import help_options, show_help
from proxy.cli.init import init, init_options
from proxy.cli.records import (
    backup,
    backup_options,
    export,
    export_options,
    statement,
    statement_options,
)
from proxy.cli.remote import (
    ask,
    ban_options,
    blocks_options,
    drain_options,
    events_options,
    follow,
    kick_options,
    miners,
    miners_options,
    park_options,
    places,
    places_options,
    reload_options,
    socket_option,
    test_alert_options,
    unban_options,
    unpark_options,
)
from proxy.cli.simulate import (
    demo,
    demo_options,
    regtest,
    regtest_options,
)
from proxy.cli.top import top, top_options
from proxy.cli.verify import verify, verify_options
from proxy.config import ConfigError
from proxy.records.error import RecordsError
from proxy.version import VERSION


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return 0 done, 1 refused or failed, 2 wrong usage."""
    _show_what_can_be_shown()
    words = sys.argv[1:] if argv is None else list(argv)
    arguments = _parser(words).parse_args(words)
    command: Command = arguments.command
    try:
        return command.run(arguments)
    except (ConfigError, AdminError, RecordsError) as error:
        sys.stderr.write(f"baseload: {error}\n")
        return 1
    except BrokenPipeError:
        return 1
    except KeyboardInterrupt:  # before anything was begun
        return INTERRUPTED


def _show_what_can_be_shown() -> None:
    """Print a character that the terminal's encoding has not as another."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="replace")


def whole_parser() -> Parser:
    """Return the parser with the options of every command."""
    return _parser((), is_whole=True)


def _parser(words: Sequence[str], *, is_whole: bool = False) -> Parser:
    parser = Parser(
        prog="baseload",
        description="A Stratum proxy that holds a mining site to its power budget.",
    )
    parser.add_argument("--version", action="version", version=f"baseload {VERSION}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        _mount(commands, command, words, is_whole=is_whole)
    for name, about, group in GROUPS:
        of_group = commands.add_parser(name, help=about, description=about)
        members = of_group.add_subparsers(required=True, metavar="WHAT")
        for command in group:
            inner = words[1:] if words[:1] == [name] else []
            _mount(members, command, inner, is_whole=is_whole)
    return parser


def _mount(
    commands: Any, command: Command, words: Sequence[str], *, is_whole: bool
) -> None:
    parser: Parser = commands.add_parser(
        command.name, help=command.help, description=command.help
    )
    parser.set_defaults(command=command)
    asked = next((w for w in words if not w.startswith("-")), "")
    if is_whole or asked == command.name:
        command.declare(parser)
        if command.has_json:
            parser.add_argument("--json", action="store_true", help="print JSON")


def _run_options(parser: Parser) -> None:
    config_option(parser)
    parser.add_argument(
        "--json", action="store_true", help="log as JSON, whatever the file says"
    )
    parser.add_argument(
        "--recover",
        action="store_true",
        help="move a damaged ledger or controller's database aside and begin a new"
        " one; what is sound is kept",
    )


def _run(arguments: argparse.Namespace) -> int:
    with loading():
        from proxy.share_process.main import run  # noqa: PLC0415  (commands need no reactor)

    run(arguments.config, recover=arguments.recover, as_json=arguments.json)
    return 0


def _doctor(arguments: argparse.Namespace) -> int:
    with loading():
        from proxy.cli.doctor import doctor  # noqa: PLC0415  (numpy and Twisted)

    return doctor(arguments)


def _witness(arguments: argparse.Namespace) -> int:
    from proxy.config.witness import load_witness  # noqa: PLC0415  (cryptography)

    settings = load_witness(arguments.config)
    with loading():
        from proxy.share_process.lone import run_witness  # noqa: PLC0415

    run_witness(settings, as_json=arguments.json)


def _completion(arguments: argparse.Namespace) -> int:
    return completion(whole_parser, arguments)


def _keys(arguments: argparse.Namespace) -> int:
    from proxy.cli.keys import keys  # noqa: PLC0415

    return keys(arguments)


def _keys_options(parser: Parser) -> None:
    config_option(parser)
    about = "of Stratum V2 for miners [authority], of the log, or of a witness (FILE)"
    which = ("authority", "log", "witness")
    parser.add_argument("which", nargs="?", choices=which, default=which[0], help=about)


COMMANDS = (
    Command("run", "run the proxy until SIGTERM", _run, _run_options, has_json=False),
    Command("init", "ask five things, write a configuration", init, init_options),
    Command("check-config", "read a configuration and stop", check, check_options),
    Command(
        "doctor",
        "look at all that a site needs, and say what to do",
        _doctor,
        doctor_options,
    ),
    Command("keys", "the keys that others know us by", _keys, _keys_options),
    Command("help", "what the options do not explain", show_help, help_options),
    Command(
        "completion",
        "what a shell needs to complete commands",
        _completion,
        completion_options,
    ),
    Command("status", "the whole process at a glance", ask, socket_option),
    Command("sites", "every site", ask, socket_option),
    Command("miners", "connected miners", miners, miners_options),
    Command("places", "where machines are on the map", places, places_options),
    Command("pools", "every pool, and why it is not in use", ask, socket_option),
    Command("nodes", "every Bitcoin node", ask, socket_option),
    Command("blocks", "blocks that were found, the newest first", ask, blocks_options),
    Command("alarms", "what stands, and who is told of it", ask, socket_option),
    Command(
        "test-alert",
        "send a test message to one of [[alerts]]",
        ask,
        test_alert_options,
        method="test_alert",
    ),
    Command("events", "what happens, as it happens", follow, events_options),
    Command("top", "the status, drawn again every second", top, top_options),
    Command(
        "capture",
        "what one miner says and hears, as JSON lines",
        capture,
        capture_options,
    ),
    Command("kick", "hang up on a miner", ask, kick_options),
    Command("ban", "refuse an address or a network for a time", ask, ban_options),
    Command("unban", "take an address or a network again", ask, unban_options),
    Command("bans", "who is refused, for how long and why", ask, socket_option),
    Command(
        "reload", "read the configuration again, without a restart", ask, reload_options
    ),
    Command("drain", "take no more miners, send those here away", ask, drain_options),
    Command("undrain", "take miners again", ask, drain_options),
    Command("park", "hold machines off until they are unparked", ask, park_options),
    Command("unpark", "hold machines off no more", ask, unpark_options),
    Command(
        "backup",
        "copy the state folder, also of a proxy that runs",
        backup,
        backup_options,
    ),
    Command(
        "export",
        "shares, work, energy, or what became of shares at pools, as a file",
        export,
        export_options,
    ),
    Command(
        "verify",
        "hold a copy of a site's log against keys, offline",
        verify,
        verify_options,
    ),
    Command(
        "witness",
        "cosign the logs of others, for who has no witness yet",
        _witness,
        config_option,
    ),
    Command(
        "statement",
        "what a month came to for each tenant",
        statement,
        statement_options,
    ),
    Command(
        "ship",
        "copy the ledger to the cluster's database, as `run` does beside itself",
        ship_ledger,
        config_option,
    ),
    Command(
        "demo", "a whole plant, simulated, with node and proxy", demo, demo_options
    ),
    Command("bench", "what this proxy bears on this machine", bench, bench_options),
    Command(
        "regtest", "a Bitcoin node of its own, for trials", regtest, regtest_options
    ),
)
"""A command is mounted here, and only when it does what it says."""
