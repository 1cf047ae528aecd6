"""Commands that ask a running proxy, over its admin socket."""

import csv
import os
import sys
from argparse import ArgumentTypeError
from pathlib import Path

import msgspec

from proxy.admin.client import LONG_TIMEOUT, TIMEOUT, AdminError, call, news
from proxy.admin.printable import printable
from proxy.admin.render import RENDERERS
from proxy.cli.command import Arguments, Parser, duration, print_json, seconds
from proxy.cli.power import count, question
from proxy.config import load_proxy

TOPICS = ("job", "pool", "power", "block", "alarm", "action")
"""That are told of unless others are named; `share` has sums each second."""

SORTS = (
    *("worker", "address", "hashrate", "difficulty"),
    *("accepted", "rejected", "silent"),
)
"""Names rise; of figures the largest come first."""

_LOCAL = {"command", "json", "socket", "config"}


def socket_option(parser: Parser) -> None:
    """Add the options that name a running proxy."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument("-s", "--socket", type=Path, metavar="PATH")
    where.add_argument("-c", "--config", type=Path, metavar="FILE")


def page_number(text: str) -> int:
    """Return the number of a page, from 0."""
    value = int(text)
    if value < 0:
        raise ArgumentTypeError("pages are counted from 0")
    return value


def miners_options(parser: Parser) -> None:
    """Add the options of `miners`."""
    socket_option(parser)
    add = parser.add_argument
    add("name", nargs="?", metavar="NAME", help="worker, with --why also an id [all]")
    add("--why", action="store_true", help="why NAME is as it is, in sentences")
    add("--filter", default="*", metavar="GLOB", help="glob on the worker name")
    add("--text", default="", help="in worker, address or user agent")
    add("--state", choices=("active", "parked"), help="[either]")
    add("--site", help="[each]")
    names = ", ".join(SORTS)
    add("--sort", choices=SORTS, metavar="BY", help=f"{names} [as they came]")
    add("--page", type=page_number, default=0, metavar="N", help="of 1,000, from 0")


def places_options(parser: Parser) -> None:
    """Add the options of `places`."""
    socket_option(parser)
    parser.add_argument("--site", help="[each]")
    about = "as `places` of a site takes it, to be edited by hand"
    parser.add_argument("--csv", action="store_true", help=about)


def blocks_options(parser: Parser) -> None:
    """Add the options of `blocks`."""
    socket_option(parser)
    parser.add_argument("--limit", type=count, default=20, metavar="N", help="[20]")


def test_alert_options(parser: Parser) -> None:
    """Add the options of `test-alert`."""
    socket_option(parser)
    parser.add_argument("name", help="of a row of [[alerts]]")


def events_options(parser: Parser) -> None:
    """Add the options of `events`."""
    socket_option(parser)
    known = ", ".join(TOPICS)
    about = f"{known}, share [all but share]"
    parser.add_argument("topics", nargs="*", metavar="TOPIC", help=about)


def kick_options(parser: Parser) -> None:
    """Add the options of `kick`."""
    socket_option(parser)
    parser.add_argument("miner", help="id or worker name")


def ban_options(parser: Parser) -> None:
    """Add the options of `ban`."""
    unban_options(parser)
    parser.add_argument(
        "--for", dest="for_s", type=seconds, default=3600.0, metavar="S"
    )


def unban_options(parser: Parser) -> None:
    """Add the options of `unban`."""
    socket_option(parser)
    parser.add_argument("address", help="an address, or a network: 10.1.0.0/16")


def park_options(parser: Parser) -> None:
    """Add the options of `park`."""
    unpark_options(parser)
    about = "also where no machine that is connected is called so"
    parser.add_argument("--yes", action="store_true", help=about)


def unpark_options(parser: Parser) -> None:
    """Add the options of `unpark`."""
    socket_option(parser)
    about = "a worker, an address, both ('10.0.0.7 rig7'), or a glob on these"
    parser.add_argument("machines", help=about)


def drain_options(parser: Parser) -> None:
    """Add the options of `drain`."""
    socket_option(parser)
    parser.add_argument("site", nargs="?", default=None)


def prefer_options(parser: Parser) -> None:
    """Add the options of `pool prefer`."""
    enable_options(parser)
    about = "30, 30m, 2h or 1d; then it ends [until `pool enable`]"
    parser.add_argument(
        "--for", dest="for_s", type=duration, default=None, metavar="TIME", help=about
    )


def disable_options(parser: Parser) -> None:
    """Add the options of `pool disable`."""
    prefer_options(parser)
    about = "also where a route has no other source that can be used"
    parser.add_argument("--yes", action="store_true", help=about)


def enable_options(parser: Parser) -> None:
    """Add the options of `pool enable`."""
    socket_option(parser)
    parser.add_argument("name", help="of a pool, or of a node that is mined on")


def reload_options(parser: Parser) -> None:
    """Add the options of `reload`."""
    socket_option(parser)
    parser.add_argument(
        "--dry-run", action="store_true", help="change nothing: print what it would do"
    )


def ask(arguments: Arguments) -> int:
    """Call the command's method and print the answer."""
    params = {k: v for k, v in vars(arguments).items() if k not in _LOCAL}
    method = arguments.command.method or arguments.command.name
    if method == "power.set" and not (params.pop("yes") or _agrees(arguments)):
        sys.stderr.write("baseload: not ordered\n")
        return 1
    is_long = method == "reload" or params.get("check")
    timeout = LONG_TIMEOUT if is_long else TIMEOUT
    result = call(socket_of(arguments), method, params, timeout)
    if arguments.json:
        print_json(result)
    else:
        sys.stdout.write(RENDERERS[method](printable(result)))
    return 0


def _agrees(arguments: Arguments) -> bool:
    """Ask on a terminal whether an order below the fail-safe is meant."""
    if arguments.json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return True
    wanted = {"site": arguments.site, "watts": arguments.watts}
    try:
        plan = call(socket_of(arguments), "power.plan", wanted, TIMEOUT)
    except AdminError:  # what it would do is not known: an order is never held up
        return True
    asked = question(printable(plan))
    if not asked:
        return True
    sys.stdout.write(f"{asked} Order it? [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def miners(arguments: Arguments) -> int:
    """Print a page of miners, and where the others are."""
    if arguments.why:
        return _explain(arguments)
    local = _LOCAL | {"name", "why"}
    params = {k: v for k, v in vars(arguments).items() if k not in local}
    if arguments.name is not None:
        params["filter"] = arguments.name
    result = call(socket_of(arguments), "miner_page", params)
    if arguments.json:
        print_json(result["miners"])
    elif result["page"] >= result["pages"]:
        raise AdminError(RENDERERS["miner_page"](result).rstrip())
    else:
        sys.stdout.write(RENDERERS["miner_page"](printable(result)))
    return 0


def places(arguments: Arguments) -> int:
    """Print where machines are: all pages, for a file is made of it."""
    socket, found, number = socket_of(arguments), [], 0
    while some := call(socket, "places", {"page": number}):
        found += [one for one in some if arguments.site in {None, one["site"]}]
        number += 1
    if arguments.csv:
        columns = ("worker", "address", "rack", "position")
        writer = csv.DictWriter(sys.stdout, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(found)
    elif arguments.json:
        print_json(found)
    else:
        sys.stdout.write(RENDERERS["places"](printable(found)))
    return 0


def _explain(arguments: Arguments) -> int:
    if arguments.name is None:
        raise AdminError("which miner? `baseload miners NAME --why`")
    result = call(socket_of(arguments), "why", {"miner": arguments.name})
    if arguments.json:
        print_json(result)
    else:
        sys.stdout.write(RENDERERS["why"](printable(result)))
    return 0


def follow(arguments: Arguments) -> int:
    """Print what happens, a line each, until the proxy stops or Ctrl-C."""
    for topic, value in news(socket_of(arguments), arguments.topics or TOPICS):
        if arguments.json:
            print_json({"topic": topic, "value": value})
        else:
            text = msgspec.json.encode(printable(value)).decode()
            sys.stdout.write(f"{topic}  {text}\n")
        sys.stdout.flush()
    return 0


def socket_of(arguments: Arguments) -> Path:
    """Return the admin socket that the command shall speak to."""
    if arguments.socket is not None:
        return Path(arguments.socket)
    if arguments.config is not None:
        admin = load_proxy(arguments.config).admin
        return Path(admin.partition(":")[2])
    if "BASELOAD_ADMIN" in os.environ:
        return Path(os.environ["BASELOAD_ADMIN"].removeprefix("unix:"))
    raise AdminError("which proxy? name it by -s PATH, -c FILE or $BASELOAD_ADMIN")
