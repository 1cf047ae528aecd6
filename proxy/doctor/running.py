"""The proxy that runs, if one does: what it says of itself."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from proxy.admin.client import AdminError, call
from proxy.admin.listen import answers
from proxy.config import Config
from proxy.doctor.check import Finding, fail, ok, skipped, warn

TIMEOUT = 3.0


def running(config: Config) -> Iterator[Finding]:
    """Ask the proxy that runs by this configuration how it is."""
    path = Path(config.proxy.admin.removeprefix("unix:"))
    if not answers(path):
        yield skipped("proxy", f"none runs at {path}")
        return
    try:
        status = call(path, "status", {}, TIMEOUT)
    except AdminError as error:
        yield warn("proxy", str(error), "run this as the user that the proxy runs as")
        return
    yield from _told(status)


def _told(status: Any) -> Iterator[Finding]:
    seen = f"{status['state']} for {status['uptime_s'] / 3600:,.1f} h"
    if status["waits_for"]:
        waits = ", ".join(status["waits_for"])
        yield fail("proxy", f"{seen}, waits for {waits}", "see what is said of these")
    else:
        yield ok("proxy", seen)
    if status["ledger"] != "ok":
        remedy = "free the disk, or put the file back"
        yield fail("proxy's ledger", status["ledger_reason"], remedy)
    for limit in status["limits"]:
        if limit["reached"]:
            name = limit["name"]
            yield fail(name, f"{limit['used']} of {limit['most']}", "raise it")
    for kind in ("pools", "nodes"):
        for one in status[kind]:
            if reason := one.get("reason"):
                name = f"{kind[:-1]} {one['name']}, to the proxy"
                yield warn(name, f"{one['state']}: {reason}", f"see `baseload {kind}`")
    for site in status["sites"]:
        for alarm in site["alarms"] or ():
            yield warn(f"site {site['name']}", alarm, "see `baseload power show`")
