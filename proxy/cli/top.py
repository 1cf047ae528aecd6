"""`baseload top`, with the clock and the proxy that it looks at."""

import time

from protocol.units import UnixTime
from proxy.admin.client import call
from proxy.cli.command import Arguments, Parser, print_json
from proxy.cli.remote import socket_of, socket_option


def top_options(parser: Parser) -> None:
    """Add the options of `top`."""
    socket_option(parser)
    parser.add_argument("--once", action="store_true", help="draw one frame and stop")


def top(arguments: Arguments) -> int:
    """Draw the status of a proxy until q or Ctrl-C."""
    from rich.console import Console  # noqa: PLC0415  (for this alone)

    from proxy.admin.look import looks  # noqa: PLC0415
    from proxy.admin.top import show  # noqa: PLC0415

    socket = socket_of(arguments)
    if arguments.json:
        print_json(call(socket, "status", {}))
        return 0
    look = looks(lambda method, params: call(socket, method, params), _wall_clock)
    show(look, Console(), once=arguments.once)
    return 0


def _wall_clock() -> UnixTime:
    return UnixTime(time.time())  # noqa: TID251  (where the clock comes in)
