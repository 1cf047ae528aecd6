"""`baseload verify`: hold a copy of a site's log against keys, offline."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from proxy.cli.command import Arguments, Parser, print_json, seconds

if TYPE_CHECKING:
    from proxy.verifier.report import Finding, Report
    from proxy.verifier.verify import Wanted

FOUND, UNUSABLE = 1, 2
"""Exit statuses: something is wrong with the log; there is nothing to verify."""


def verify_options(parser: Parser) -> None:
    """Add the options of `verify`."""
    add = parser.add_argument
    add("folder", type=Path, metavar="DIR", help="a copy of the site's state/log")
    about = "whose signatures count: a C2SP tlog-policy, as [proxy.transparency] trust"
    add("--trust", type=Path, metavar="FILE", help=about)
    about = "a key of the log, as `baseload keys log` prints it"
    add("--key", action="append", default=[], metavar="VKEY", help=about)
    about = "of the first policy of signed documents, as the parties know it"
    add("--policy-id", default="", metavar="HEX", help=about)
    about = "another meter: quarters of an hour and their watt-hours, as CSV, or what a"
    about += " witness wrote of its own"
    add("--meter", type=Path, metavar="CSV", help=about)
    about = "what the site may take to be under a lower budget [30]"
    add("--response", dest="response_s", type=seconds, default=30.0, help=about)
    about = "values that the site showed you, from `baseload log disclose`"
    add("--openings", type=Path, metavar="FILE", help=about)
    about = "joules a terahash that the site's machines take [what the site says]"
    add("--fleet", type=_range, metavar="LOW:HIGH", help=about)
    about = "write a report there that who is no engineer can read"
    add("--html", type=Path, metavar="FILE", help=about)
    about = "an older checkpoint of it that you kept: it must be continued"
    add("--since", type=Path, metavar="FILE", help=about)


def verify(arguments: Arguments) -> int:
    """Print what was found; return 0 clean, 1 findings, 2 nothing to verify."""
    from proxy.verifier.page import page  # noqa: PLC0415
    from proxy.verifier.verify import UnusableError  # noqa: PLC0415  (cryptography)
    from proxy.verifier.verify import verify as verified  # noqa: PLC0415

    try:
        found = verified(_wanted(arguments))
    except (UnusableError, ValueError) as error:
        sys.stderr.write(f"baseload: {error}\n")
        return UNUSABLE
    if arguments.html is not None:
        try:
            text = page(found, arguments.response_s)
            arguments.html.write_text(text, encoding="utf-8")
        except OSError as error:
            sys.stderr.write(f"baseload: {arguments.html}: {error.strerror}\n")
            return UNUSABLE
    report = found.report
    if arguments.json:
        print_json(report)
    else:
        sys.stdout.write(render(report))
    return 0 if report.is_clean else FOUND


def _wanted(arguments: Arguments) -> "Wanted":
    """Return what is asked for.

    Raises:
        ValueError: A key or the trust policy is none.
    """
    from protocol.errors import MalformedMessageError  # noqa: PLC0415
    from protocol.tlog.note import VerifierKey  # noqa: PLC0415
    from proxy.config.transparency import read_trust  # noqa: PLC0415
    from proxy.verifier.signatures import NOBODY, Trusted  # noqa: PLC0415
    from proxy.verifier.verify import Wanted  # noqa: PLC0415

    try:
        keys = tuple(VerifierKey.from_text(text) for text in arguments.key)
    except MalformedMessageError as error:
        raise ValueError(f"--key: {error}") from error
    trust = NOBODY if arguments.trust is None else read_trust(arguments.trust)
    return Wanted(
        arguments.folder,
        Trusted(keys, trust),
        arguments.since,
        arguments.policy_id.lower(),
        arguments.meter,
        arguments.response_s,
        arguments.openings,
        arguments.fleet,
    )


def _range(text: str) -> tuple[float, float]:
    """Return LOW:HIGH, joules a terahash."""
    low, _, high = text.partition(":")
    found = float(low), float(high)
    if not 0 < found[0] <= found[1] < float("inf"):
        raise ValueError(text)
    return found


def render(report: "Report") -> str:
    """Return a report as lines for people: what is wrong first."""
    found = [f for f in report.findings if f.severity == "finding"]
    notes = [f for f in report.findings if f.severity == "note"]
    more = report.unlisted
    verdict = f"{len(found)} findings" if found else "no findings"
    lines = [verdict + (f", and {more} more than are listed" if more else "")]
    lines += [f"  FOUND  {_line(one)}" for one in found]
    lines += [f"  note   {_line(one)}" for one in notes]
    cosigned = ", ".join(report.cosigned_by) or "nobody that was named"
    when = "" if report.signed_at is None else f" at {_time(report.signed_at)}"
    lines += [
        f"log      {report.log}",
        f"size     {report.size:,} rows, {report.starts} starts",
        f"root     {report.root}",
        f"cosigned by {cosigned}{when}",
    ]
    lines += _figures(report)
    lines += [
        f"tenant   {name}: {one.shares:,} shares, {one.terahashes:,.1f} TH"
        for name, one in report.tenants.items()
    ]
    if report.first_at is not None and report.last_at is not None:
        lines.append(f"covers   {_time(report.first_at)} to {_time(report.last_at)}")
    return "\n".join(lines) + "\n"


def _figures(report: "Report") -> list[str]:
    """Return what was drawn, allowed and proven, in lines."""
    if not report.metered_s:
        return []
    used = (
        "" if report.utilisation is None else f", {report.utilisation:.1%} of allowed"
    )
    hashes = "" if report.j_per_th is None else f", {report.j_per_th:.1f} J/TH"
    outside = report.exceed_kwh_outside_response
    answered = [r.response_s for r in report.responses if r.response_s is not None]
    lifted = sum(r.lifted_s is not None for r in report.responses)
    slowest = f", the slowest in {max(answered):.0f} s" if answered else ""
    if report.counted_kwh:
        hashes += f"; its counter says {report.counted_kwh:,.1f} kWh of that"
    above = f"above the budget {report.exceed_s} s, {report.exceed_kwh:.3f} kWh"
    return [
        f"energy   {report.energy_kwh:,.1f} kWh{used}{hashes}",
        f"{above}, {outside:.3f} kWh of it that no order explains",
        f"orders to lower {len(report.responses)}, followed {len(answered)}{slowest}"
        + (f", lifted before that {lifted}" if lifted else ""),
        f"silent   {report.missed_s} s, {report.missing_minutes} minutes missing",
    ]


def _line(one: "Finding") -> str:
    where = "" if one.leaf is None else f" (row {one.leaf} of the log)"
    when = "" if one.at is None else f" at {_time(one.at)}"
    return f"{one.text}{where}{when}"


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
