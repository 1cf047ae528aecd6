"""Signed documents as the proxy that runs has them: their policy, who is there."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from proxy.admin.client import AdminError, call
from proxy.admin.listen import answers
from proxy.config import Config
from proxy.doctor.check import Finding, fail, ok, warn
from proxy.doctor.running import TIMEOUT

SOON_S = 30 * 86_400.0
"""Until a policy expires: three parties sign the next, and its delay has to pass."""

DAY_S = 86_400.0


def documents(config: Config, wall_clock: Callable[[], float]) -> Iterator[Finding]:
    """Look at each site whose budget parties sign, where a proxy runs."""
    path = Path(config.proxy.admin.removeprefix("unix:"))
    kinds = [s.kind for one in config.sites if one.power for s in one.power.signals]
    if "signed" not in kinds or not answers(path):
        return
    try:
        found = call(path, "power.documents", {}, TIMEOUT)
    except AdminError as error:
        yield fail("documents", str(error), "see the log for the site controller")
        return
    for view in found:
        yield from of_site(view, wall_clock())


def of_site(view: Mapping[str, Any], now: float) -> Iterator[Finding]:
    """Look at what documents make of one site."""
    name = f"documents of {view['site']}"
    policy = view["policies"][0]
    version, left = policy["version"], (policy["expires"] - now) / DAY_S
    remedy = "have three parties sign the next: `baseload order new SITE --policy FILE`"
    if left <= 0:
        seen = f"policy {version} has expired: nothing but limits is taken"
        yield fail(name, seen, remedy)
    elif left * DAY_S < SOON_S:
        yield warn(name, f"policy {version} expires in {left:.0f} days", remedy)
    else:
        yield ok(name, f"policy {version}, for {left:.0f} days yet")
    if len(view["present"]) < view["raise_needs"]:
        there = ", ".join(view["present"]) or "nobody"
        seen = f"present: {there}, of {view['raise_needs']} that must be to raise"
        yield warn(name, seen, "look at `baseload log show`: who does not cosign, why")
    if view["unwritten"]:
        seen = f"{view['unwritten']} hold that could not be written down"
        yield fail(name, seen, "look at the disk: a restart forgets them")
