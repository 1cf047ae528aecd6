"""A whole proxy whose budget openleadr-vtn says, the utility's server of LF Energy."""

import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from proxy.admin.client import AdminError, call
from tests.fakes.vtn_script import Credentials, recorded, run
from tests.integration.test_kill import start
from tests.peers.real_vtn import (
    NODE,
    NODES_OWN,
    UTILITY,
    Database,
    RealVtn,
    missing,
    token_of,
)
from tests.support import PATIENCE, free_port

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(bool(missing()), reason=missing()),
]

AS_NODE = token_of(NODE[0], " ".join(NODES_OWN))
BUDGET, FAIL_SAFE, LEASE = 60_000, 6_000, 10

CONFIG = """
[[pools]]
name = "main"
url = "stratum+tcp://127.0.0.1:1"
user = "site"
[[sites]]
name = "hall-a"
listen = ["tcp:{port}:interface=127.0.0.1"]
sources = ["main"]
[sites.power]
budget_w = {budget}
fail_safe_w = {fail_safe}
[[sites.power.signals]]
kind = "openadr3"
name = "utility"
url = "{url}"
token_url = "{url}/auth/token"
program = "capacity"
ven_name = "hall-a"
client_id = "{client_id}"
client_secret = "{client_secret}"
poll_s = 1
lease_s = {lease}
"""


class Site:
    """`baseload run` with the server as its signal."""

    def __init__(self, path: Path, vtn: RealVtn) -> None:
        self._socket = path / "state" / "admin.sock"
        config = path / "c.toml"
        config.write_text(
            CONFIG.format(
                port=free_port(),
                url=vtn.url,
                client_id=NODE[0],
                client_secret=NODE[1],
                budget=BUDGET,
                fail_safe=FAIL_SAFE,
                lease=LEASE,
            )
        )
        self.process = start("proxy.cli", "run", "-c", str(config))

    @property
    def shown(self) -> dict[str, Any]:
        try:
            found: list[dict[str, Any]] = call(self._socket, "power.show", {})
        except (AdminError, OSError):
            return {}
        return found[0] if found else {}

    @property
    def watts(self) -> float | None:
        return self.shown.get("budget_w")

    def until(self, watts: float) -> None:
        until(lambda: self.watts == watts)

    def close(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)


def until(holds: Callable[[], bool]) -> None:
    limit = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < limit
        time.sleep(0.02)


@pytest.fixture(scope="module")
def vtn() -> Iterator[RealVtn]:
    database = Database()
    server = RealVtn(database)
    yield server
    server.close()
    database.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, vtn: RealVtn) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("site"), vtn)
    yield site
    site.close()


@pytest.fixture
def quiet(site: Site, vtn: RealVtn) -> Site:
    """The site with no event at its server, and no report that keeps one there."""
    for report in vtn.called("GET", "/reports"):
        vtn.call("DELETE", f"/reports/{report['id']}", token=AS_NODE)
    for event in vtn.called("GET", "/events"):
        until(lambda one=event: vtn.cancel(one) in {200, 404})  # type: ignore[misc]
    site.until(BUDGET)
    return site


def test_the_server_answers_as_it_was_recorded_to(vtn: RealVtn) -> None:
    tokens = {
        "utility": token_of("utility", UTILITY),
        "node": token_of("script", " ".join(NODES_OWN)),
    }

    def ask(who: str, method: str, path: str, body: bytes | None) -> tuple[int, Any]:
        is_form = path == "/auth/token"
        kind = "x-www-form-urlencoded" if is_form else "json"
        headers = {"content-type": f"application/{kind}"}
        if who:
            headers["authorization"] = f"Bearer {tokens[who]}"
        asked = urllib.request.Request(  # noqa: S310
            vtn.url + path, method=method, data=body, headers=headers
        )
        try:
            with urllib.request.urlopen(asked, timeout=PATIENCE) as answer:  # noqa: S310
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    assert run(ask, Credentials(*NODE)) == recorded()


def test_events_set_the_budget_the_lowest_of_a_priority_rules(
    quiet: Site, vtn: RealVtn
) -> None:
    vtn.event("IMPORT_CAPACITY_LIMIT", 48.0)
    quiet.until(48_000)
    vtn.event("DISPATCH_SETPOINT", 30.0)
    quiet.until(30_000)
    first = vtn.event("SIMPLE", 1, priority=0)
    quiet.until(36_000)
    until(lambda: vtn.cancel(first) == 200)
    quiet.until(30_000)
    vtn.event("ALERT_GRID_EMERGENCY", "shed what you can")
    quiet.until(FAIL_SAFE)

    (signal_shown,) = quiet.shown["signals"]
    assert signal_shown["is_ruling"]
    assert signal_shown["says"].startswith("3 events")


def test_an_event_is_acknowledged_and_can_be_deleted(quiet: Site, vtn: RealVtn) -> None:
    event = vtn.event("IMPORT_CAPACITY_LIMIT", 48.0)
    reports: list[Any] = []

    def is_reported() -> bool:
        reports[:] = vtn.called("GET", f"/reports?eventID={event['id']}")
        return bool(reports)

    until(is_reported)
    payloads = reports[0]["resources"][0]["intervals"][0]["payloads"]
    said = {one["type"]: one["values"] for one in payloads}
    assert said["X-BASELOAD-ACK"] == [event["id"], "TAKEN", ""]
    until(lambda: vtn.cancel(event) == 200)
    quiet.until(BUDGET)


def test_reports_stay_at_an_event_that_asks_for_them(quiet: Site, vtn: RealVtn) -> None:
    asks = [{"payloadType": "DEMAND", "readingType": "MEAN", "units": "KW"}]
    standing = vtn.event("GHG", 1.0, reportDescriptors=asks)
    event = vtn.event("IMPORT_CAPACITY_LIMIT", 48.0)
    quiet.until(48_000)

    def acked() -> set[str]:
        return {
            payload["values"][0]
            for report in vtn.called("GET", f"/reports?eventID={standing['id']}")
            for payload in report["resources"][0]["intervals"][0]["payloads"]
            if payload["type"] == "X-BASELOAD-ACK"
        }

    until(lambda: event["id"] in acked())
    assert vtn.cancel(event) == 200  # at once: no report names it
    quiet.until(BUDGET)
    assert vtn.cancel(standing) == 409


def test_a_value_that_cannot_be_is_refused_and_raises_nothing(
    quiet: Site, vtn: RealVtn
) -> None:
    event = vtn.event("IMPORT_CAPACITY_LIMIT", 30.0)
    quiet.until(30_000)
    wrong = vtn.event_of("IMPORT_CAPACITY_LIMIT", 48_000.0)  # watts for kilowatts
    vtn.called("PUT", f"/events/{event['id']}", wrong)

    until(lambda: "1 refused" in quiet.shown["signals"][0]["says"])

    assert quiet.watts == 30_000


@pytest.mark.parametrize("how", [signal.SIGSTOP, signal.SIGKILL])
def test_a_server_that_is_frozen_or_killed_lapses_and_comes_back_by_a_fresh_word(
    quiet: Site, vtn: RealVtn, how: signal.Signals
) -> None:
    vtn.event("IMPORT_CAPACITY_LIMIT", 30.0)
    quiet.until(30_000)

    os.kill(vtn.process.pid, how)
    seen: set[float | None] = set()

    def has_lapsed() -> bool:
        seen.add(quiet.watts)
        return FAIL_SAFE in seen

    until(has_lapsed)
    lapsed = quiet.shown["signals"][0]
    if how is signal.SIGSTOP:
        os.kill(vtn.process.pid, signal.SIGCONT)
    else:
        vtn.process.wait(PATIENCE)
        vtn.again()

    assert seen == {30_000, FAIL_SAFE}
    assert LEASE <= lapsed["silent_s"] < LEASE + 5
    quiet.until(30_000)
