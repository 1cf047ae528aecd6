"""A whole proxy whose budget openleadr-vtn says, the utility's server of LF Energy."""

import json
import logging
import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.vtn_script import Credentials, recorded, run
from tests.peers.bad_line import BadLine
from tests.peers.real_vtn import (
    NODE,
    NODES_OWN,
    UTILITY,
    Database,
    RealVtn,
    missing,
    token_of,
)
from tests.peers.site_process import BUDGET, FAIL_SAFE, SiteProcess, until
from tests.support import PATIENCE, free_port

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(bool(missing()), reason=missing()),
]

_log = logging.getLogger(__name__)

AS_NODE = token_of(NODE[0], " ".join(NODES_OWN))
LEASE = 10
MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")

SIGNAL = """
kind = "openadr3"
name = "utility"
url = "{url}"
token_url = "{url}/auth/token"
program = "capacity"
ven_name = "hall-a"
client_id = "{client_id}"
client_secret = "{client_secret}"
{more}
"""


class Site(SiteProcess):
    """`baseload run` with the server as its signal."""

    def __init__(self, path: Path, vtn: RealVtn, more: str) -> None:
        self.line = BadLine(vtn.port)
        url = f"http://127.0.0.1:{self.line.port}"
        told = {"client_id": NODE[0], "client_secret": NODE[1], "more": more}
        super().__init__(path, SIGNAL.format(url=url, **told))

    def until(self, watts: float) -> None:
        until(lambda: self.watts == watts)


@pytest.fixture(scope="module")
def vtn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealVtn]:
    port, broker = free_port(), None
    if MOSQUITTO is not None:
        conf = tmp_path_factory.mktemp("broker") / "conf"
        conf.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
        broker = subprocess.Popen(  # noqa: S603
            [MOSQUITTO, "-c", str(conf)], stderr=subprocess.DEVNULL
        )
        time.sleep(1.0)  # the server asks once
    database = Database()
    server = RealVtn(database, None if broker is None else port)
    yield server
    server.close()
    database.close()
    if broker is not None:
        broker.kill()
        broker.wait(PATIENCE)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, vtn: RealVtn) -> Iterator[Site]:
    more = f"poll_s = 1\nlease_s = {LEASE}"
    site = Site(tmp_path_factory.mktemp("site"), vtn, more)
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
    vtn.event("IMPORT_CAPACITY_LIMIT", 36.0)
    quiet.until(36_000)
    vtn.event("DISPATCH_SETPOINT", 30.0)
    quiet.until(30_000)
    first = vtn.event("SIMPLE", 0, priority=0)
    quiet.until(BUDGET)
    until(lambda: vtn.cancel(first) == 200)
    quiet.until(30_000)
    vtn.event("ALERT_GRID_EMERGENCY", "shed what you can")
    quiet.until(FAIL_SAFE)

    (signal_shown,) = quiet.shown["signals"]
    assert signal_shown["is_ruling"]
    assert signal_shown["says"].startswith("3 events")


def test_an_event_is_acknowledged_and_can_be_deleted(quiet: Site, vtn: RealVtn) -> None:
    event = vtn.event("IMPORT_CAPACITY_LIMIT", 36.0)
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
    event = vtn.event("IMPORT_CAPACITY_LIMIT", 36.0)
    quiet.until(36_000)

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
    wrong = vtn.event_of("IMPORT_CAPACITY_LIMIT", 36_000.0)  # watts for kilowatts
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


@pytest.mark.parametrize("fault", ["is_cut", "is_slow"])
def test_a_line_that_is_cut_or_slow_lapses_and_raises_nothing(
    quiet: Site, vtn: RealVtn, fault: str
) -> None:
    event = vtn.event("IMPORT_CAPACITY_LIMIT", 30.0)
    quiet.until(30_000)
    setattr(quiet.line, fault, True)
    began = time.monotonic()
    while vtn.cancel(event) == 409:  # a report names it, and cannot be taken back
        vtn.called("PUT", f"/events/{event['id']}", vtn.event_of("GHG", 1.0))
        break

    took = quiet.lapses(began, 30_000)

    _log.info("%s: lapsed after %.1f s of a lease of %d s", fault, took, LEASE)
    assert LEASE - 3 < took < LEASE + 3
    setattr(quiet.line, fault, False)
    quiet.until(BUDGET)


def test_an_order_is_in_force_within_a_second_of_the_next_look(
    quiet: Site, vtn: RealVtn
) -> None:
    took = []
    for kilowatts in range(20, 30):
        vtn.event("IMPORT_CAPACITY_LIMIT", float(50 - kilowatts))
        began = time.monotonic()
        quiet.until((50 - kilowatts) * 1000)
        took.append(time.monotonic() - began)
    _log.info("event to cap, a look each second: %s s", sorted(took))
    assert sorted(took)[5] < 1.0 + 1.0  # the look that it waits for, and the second


@pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed")
def test_a_notice_of_the_broker_brings_an_order_without_waiting_for_a_look(
    quiet: Site, vtn: RealVtn, tmp_path: Path
) -> None:
    quiet.process.send_signal(signal.SIGSTOP)  # one end node of the name at a time
    site = Site(tmp_path, vtn, 'poll_s = 60\nlease_s = 150\nnotices = "mqtt"')
    try:
        site.until(BUDGET)
        time.sleep(2.0)  # the broker is followed by then, and its look is over
        for kilowatts in (35, 30, 25):
            vtn.event("IMPORT_CAPACITY_LIMIT", float(kilowatts))
            began = time.monotonic()
            site.until(kilowatts * 1000)
            assert time.monotonic() - began < 30  # a look is due after 60 s
    finally:
        site.close()
        quiet.process.send_signal(signal.SIGCONT)
