"""`baseload doctor`: look at all that a site needs, and say what to do."""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import msgspec

from proxy.admin.printable import printable
from proxy.cli.check import found_in
from proxy.cli.command import Arguments, print_json
from proxy.config.fault import Fault
from proxy.config.load import read_config
from proxy.doctor.check import Finding, Level, fail, ok, warn
from proxy.doctor.examine import examine
from proxy.share_process.lone import check_nodes

LEVELS: tuple[Level, ...] = ("fail", "warn", "skipped", "ok")


def doctor(arguments: Arguments) -> int:
    """Print what was found; return 1 if anything fails.

    Raises:
        ConfigError: The file cannot be read at all.
    """
    reading = read_config(arguments.config)
    faults, warnings = found_in(reading)
    findings = list(_of_config(faults, warnings))
    if reading.config is not None:
        findings += examine(
            reading.config, check_nodes, _wall_clock, arguments.patience
        )
    if arguments.json:
        print_json({"findings": findings})
    else:
        sys.stdout.write(_text(findings))
    return 1 if any(one.level == "fail" for one in findings) else 0


def _of_config(faults: list[Fault], warnings: list[Fault]) -> Iterator[Finding]:
    for level, found in ((fail, faults), (warn, warnings)):
        for one in found:
            place = f"{one.place}: " if one.place else ""
            yield level("configuration", f"{place}{one}", "mend the file")
    if not faults:
        yield ok("configuration", "it can be started with")


def _text(findings: Iterable[Finding]) -> str:
    """Return a line for each finding, the worst first, and how many there are."""
    shown = [_shown(one) for one in findings]
    shown.sort(key=lambda one: LEVELS.index(one.level))
    lines = []
    for one in shown:
        lines.append(f"{one.level:7}  {one.check}: {one.seen}\n")
        if one.remedy:
            lines.append(f"{'':7}  -> {one.remedy}\n")
    counts = Counter(one.level for one in shown)
    total = ", ".join(f"{counts[level]} {level}" for level in LEVELS)
    return f"{''.join(lines)}\n{total}\n"


def _shown(finding: Finding) -> Finding:
    return msgspec.convert(printable(msgspec.to_builtins(finding)), Finding)


def _wall_clock() -> float:
    return datetime.now(UTC).timestamp()
