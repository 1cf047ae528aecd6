"""The options of `baseload power`."""

import re
from typing import Any

from proxy.cli.command import Parser, seconds
from proxy.runtime.quantities import si

_PREFIXES = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}
_POWER = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*([kMG]?)W?")
MAX_EVENTS = 1000


def watts(text: str) -> float:
    """Return a power in watts: 3500000, 3500k, 3.5M, 3.5MW."""
    found = _POWER.fullmatch(text.strip())
    if found is None:
        raise ValueError(text)
    return float(found[1]) * _PREFIXES[found[2]]


def count(text: str) -> int:
    """Return how many events are asked for."""
    value = int(text)
    if not 1 <= value <= MAX_EVENTS:
        raise ValueError(text)
    return value


watts.__name__ = "power"  # argparse says "invalid power value"
count.__name__ = f"number from 1 to {MAX_EVENTS}"


def show_options(parser: Parser) -> None:
    """Declare the options of `power show`."""
    parser.add_argument("site", nargs="?", default=None, help="[every site]")


def set_options(parser: Parser) -> None:
    """Declare the options of `power set`."""
    parser.add_argument("site")
    parser.add_argument("watts", type=watts, help="3500000, 3500k or 3.5M")
    parser.add_argument(
        "--for",
        dest="for_s",
        type=seconds,
        default=None,
        metavar="SECONDS",
        help="then the order ends [until it is cleared]",
    )
    parser.add_argument("--reason", default="", metavar="TEXT", help="for the log")
    parser.add_argument(
        "--yes", action="store_true", help="do not ask, however little that is"
    )


def question(plan: Any) -> str:
    """Return what to ask before an order below the fail-safe; empty: nothing.

    Args:
        plan: The answer to `power.plan` for its watts.
    """
    if plan["budget_w"] >= plan["fail_safe_w"]:
        return ""
    count = len(plan["steps"]) + plan["more"]
    return (
        f"{si(plan['budget_w'], 'W')} is below the fail-safe of"
        f" {si(plan['fail_safe_w'], 'W')}: {plan['site']} loses"
        f" {si(max(0.0, -plan['hash_hs']), 'H/s')} of {count} machines."
    )


def clear_options(parser: Parser) -> None:
    """Declare the options of `power clear`."""
    parser.add_argument("site")


def forget_options(parser: Parser) -> None:
    """Declare the options of `power forget`."""
    parser.add_argument("site")
    parser.add_argument(
        "machines", help="glob on what `power machines` names them, or on the worker"
    )


def plan_options(parser: Parser) -> None:
    """Declare the options of `power plan`."""
    parser.add_argument("site")
    parser.add_argument("watts", type=watts, help="3500000, 3500k or 3.5M")


def machines_options(parser: Parser) -> None:
    """Declare the options of `power machines`."""
    parser.add_argument("site")
    parser.add_argument("--filter", default="*", help="glob on the worker name")
    parser.add_argument("--page", type=int, default=0, help="1,000 machines each")


def history_options(parser: Parser) -> None:
    """Declare the options of `power history`."""
    parser.add_argument("site", nargs="?", default=None, help="[every site]")
    parser.add_argument("--limit", type=count, default=50, metavar="N")
    parser.add_argument(
        "--before", type=int, default=None, metavar="ID", help="events before this one"
    )
    parser.add_argument(
        "--check", action="store_true", help="look for events that were tampered with"
    )
