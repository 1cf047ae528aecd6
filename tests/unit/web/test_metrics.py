"""What Prometheus hears of the inside: times, leases, decisions; and in proper form."""

import shutil
import subprocess
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec import Raw
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as open_families,
)
from prometheus_client.parser import text_string_to_metric_families as families

from protocol.units import Seconds, UnixTime
from proxy.alerts.alarm import Condition, Severity
from proxy.supervisor.questions import AskRefusedError
from proxy.web.worker_metrics import WorkerSums, texts_of
from tests.fakes.pool_wire import PoolServer
from tests.fakes.web import NOW, Web

PROMTOOL = shutil.which("promtool")


@pytest.fixture
def watched() -> Iterator[Web]:
    """Return a hall with a pool, a controller and an alarm that stands."""
    web, server = Web(), PoolServer()
    web.seat()
    _ = server.open()
    server.wire.welcome()
    pool = server.pool
    pool.answer_times.add(Seconds(0.02), Seconds(0.0))
    pool.certificate_until = UnixTime(NOW + 1000 + 86_400)
    web.running.pools = {pool.name: pool}
    link = SimpleNamespace(sites={}, figures={}, cluster=[], ask=leases)
    web.running.power = link
    alarm = Condition("trip", "hall-a", Severity.CRITICAL, "it tripped")
    web.running.alerts.standing.look([alarm], Seconds(0.0), NOW)
    yield web
    _ = server.close()


async def leases(method: str, params: dict[str, Any], within: float) -> Raw:
    assert (method, params) == ("power.show", {})
    assert within <= 1.0
    signals = b'[{"name":"grid","lease_left_s":12.5},{"name":"api"}]'
    return Raw(b'[{"site":"hall-a","budget_w":5,"signals":' + signals + b"}]")


async def nobody(*_: object) -> Raw:
    raise AskRefusedError("it does not answer")


def values(web: Web, family: str, **labels: str) -> dict[str, float]:
    """Return samples by their name and their labels, in the order of the names."""
    text = web.ask("/metrics").body.decode()
    found = {one.name: one for one in families(text)}[f"baseload_{family}"]
    return {
        "|".join(
            [
                s.name.removeprefix("baseload_"),
                *(value for _, value in sorted(s.labels.items())),
            ]
        ): s.value
        for s in found.samples
        if labels.items() <= s.labels.items()
    }


def _in_order(labels: dict[str, str]) -> list[str]:
    return [value for _, value in sorted(labels.items())]


PROMISED = {
    *("build_info", "site_power_watts", "site_budget_watts", "site_state"),
    *("site_cap_hashes_per_second", "site_hashrate_hashes_per_second", "site_miners"),
    *("shares", "work", "lost_shares", "pool_up", "pool_latency_seconds"),
    *("pool_shares", "pool_job_age_seconds", "source_switches", "node_height"),
    *("blocks", "ledger_commit_seconds", "ledger_degraded", "wal_bytes"),
    *("turn_seconds", "lease_remaining_seconds", "orders", "alarm_active"),
    *("controller_up", "web_viewers", "parked_rejected_shares"),
}
"""What operators' boards and rules may rely on; counters without their `_total`."""

BOUNDED = {
    *("version", "engine", "site", "source", "state", "window", "verdict", "reason"),
    *("pool", "le", "to", "node", "result", "signal", "kind"),
}
"""Labels whose values are the configuration's or ours: none of a worker, an address."""


def test_all_that_is_promised_is_there_and_its_labels_are_bounded(
    watched: Web,
) -> None:
    found = {f.name: f for f in families(watched.ask("/metrics").body.decode())}

    assert {f"baseload_{name}" for name in PROMISED} - {*found} == set()
    labels = {k for f in found.values() for s in f.samples for k in s.labels}
    assert labels <= BOUNDED


def test_latencies_are_a_histogram_of_ten_buckets(watched: Web) -> None:
    found = values(watched, "pool_latency_seconds")

    buckets = {k: v for k, v in found.items() if "_bucket" in k}
    assert len(buckets) == 11  # the last is all of them
    assert buckets["pool_latency_seconds_bucket|0.01|main"] == 0
    assert buckets["pool_latency_seconds_bucket|0.025|main"] == 1
    assert found["pool_latency_seconds_count|main"] == 1
    assert found["pool_latency_seconds_sum|main"] == 0.02


def test_what_only_the_controller_knows_is_asked_of_it(watched: Web) -> None:
    assert values(watched, "lease_remaining_seconds") == {
        "lease_remaining_seconds|grid|hall-a": 12.5
    }
    watched.running.power.ask = nobody
    assert values(watched, "lease_remaining_seconds") == {}
    assert values(watched, "controller_up") == {"controller_up": 0.0}


def test_orders_are_counted_by_what_became_of_them(watched: Web) -> None:
    for kind in ("order", "order", "refused", "withdraw", "budget"):
        watched.topics.publish("power", {"site": "hall-a", "kind": kind})

    assert values(watched, "orders") == {
        "orders_total|accepted|hall-a": 2,
        "orders_total|refused|hall-a": 1,
        "orders_total|withdrawn|hall-a": 1,
    }


def test_sources_and_work_are_counted(watched: Web) -> None:
    watched.hall.sources[0].post()
    totals = watched.running.recorder.totals.sites["hall-a"]
    totals.work = 77.0

    assert values(watched, "source_switches")["source_switches_total|hall-a|pool0"] == 1
    assert values(watched, "work", verdict="accepted") == {
        "work_total|hall-a|accepted": 77.0
    }


def test_alarms_certificates_and_the_log_have_figures(watched: Web) -> None:
    assert values(watched, "alarm_active") == {"alarm_active|trip|hall-a": 1}
    assert values(watched, "pool_certificate_seconds") == {
        "pool_certificate_seconds|main": 86_400
    }
    assert values(watched, "wal_bytes") == {"wal_bytes": 0}
    assert values(watched, "ledger_commit_seconds")["ledger_commit_seconds_sum"] >= 0


def test_a_turn_that_is_late_is_in_its_bucket(watched: Web) -> None:
    service: Any = watched.side.lateness.service()
    service.startService()
    clock = watched.hall.clock
    for took in (0.1, 0.1, 0.35, 0.05, 0.1):
        clock.advance(took)

    late = watched.side.lateness.times
    assert sum(late.counts) == 6
    assert late.total == pytest.approx(0.25)
    assert late.counts[late.edges.index(0.5)] == 1
    service._loop.stop()


@pytest.mark.skipif(PROMTOOL is None, reason="no promtool: Debian's prometheus has it")
def test_promtool_finds_nothing_to_say(watched: Web) -> None:
    watched.reload(worker_metrics=True)
    assert PROMTOOL is not None
    body = watched.ask("/metrics").body + watched.ask("/metrics/workers").body

    said = subprocess.run(  # noqa: S603
        [PROMTOOL, "check", "metrics"], input=body, capture_output=True, check=False
    )

    assert (said.returncode, said.stdout + said.stderr) == (0, b"")


def workers(web: Web, accept: str = "") -> str:
    reply = web.ask("/metrics/workers", accept=accept)
    assert reply.status == 200
    return reply.body.decode()


def test_workers_are_told_of_where_that_is_asked_for() -> None:
    web = Web()
    miner = web.seat()
    reply = web.ask("/metrics/workers")
    assert reply.status == 404
    assert "worker_metrics = true" in reply.json["detail"]

    web.reload(worker_metrics=True)
    miner.accepted = 7
    found = {one.name: one for one in families(workers(web))}
    shares = found["baseload_worker_shares"].samples

    assert {s.labels["verdict"]: s.value for s in shares} == {
        "accepted": 7,
        "rejected": 0,
    }
    assert all(one.documentation for one in found.values())


def test_workers_are_gathered_once_in_fifteen_seconds() -> None:
    web = Web()
    web.reload(worker_metrics=True)
    miner = web.seat()
    first = workers(web)
    miner.accepted = 9
    web.hall.clock.advance(14)
    assert workers(web) == first
    web.hall.clock.advance(1)
    assert workers(web) != first


def test_a_workers_name_does_not_get_out_of_its_label() -> None:
    name = 'a"} 1\n\\evil{x="'
    sums = {("hall-a", name): WorkerSums(1.5e14, 3, 1, 2)}

    plain, open_metrics = texts_of(sums, 4).values()

    [rate, *_] = families(plain.decode())
    assert rate.samples[0].labels["worker"] == name
    assert rate.samples[0].value == 1.5e14
    found = {one.name: one for one in open_families(open_metrics.decode())}
    assert found["baseload_worker_shares"].samples[0].labels["worker"] == name
    assert found["baseload_workers_left_out"].samples[0].value == 4


def test_more_workers_than_prometheus_is_told_of_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("proxy.web.worker_metrics.MAX_WORKERS", 0)
    web = Web()
    web.reload(worker_metrics=True)
    web.seat()

    assert "baseload_workers_left_out 1\n" in workers(web)
