"""Whether it lives, whether it can work, and what Prometheus hears."""

from types import SimpleNamespace

from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as open_families,
)
from prometheus_client.parser import text_string_to_metric_families as families

from tests.fakes.web import Web


def test_it_lives_while_its_reactor_turns() -> None:
    web = Web()
    web.beat()
    assert web.ask("/healthz").json == {"ok": True, "reasons": []}
    web.hall.clock.advance(4)
    reply = web.ask("/healthz")
    assert reply.status == 503
    assert "late" in reply.json["reasons"][0]


def test_it_is_ready_when_each_site_has_work_and_the_ledger_is_kept() -> None:
    web = Web()
    web.seat()
    assert web.ask("/readyz").json["reasons"] == ["hall-a: no source has work"]
    web.hall.sources[0].post()
    assert web.ask("/readyz").status == 200
    web.running.ledger = SimpleNamespace(
        state="degraded", reason="the disk is full", unrecorded=1, reach=None
    )
    web.hall.connections.roster.is_draining = True
    reply = web.ask("/readyz")
    assert reply.status == 503
    assert reply.json["reasons"] == [
        "the ledger is degraded: the disk is full",
        "hall-a: it is being drained",
    ]


def test_prometheus_hears_the_figures_of_status() -> None:
    web = Web()
    for _ in range(3):
        web.seat()
    plain = web.ask("/metrics")
    found = {f.name: f for f in families(plain.body.decode())}

    assert plain.headers["content-type"].startswith("text/plain; version=")
    miners = {s.labels["state"]: s.value for s in found["baseload_site_miners"].samples}
    assert miners["connected"] == 3
    assert all(name.startswith("baseload_") for name in found)
    assert all(family.documentation for family in found.values())
    accept = "application/openmetrics-text;version=1.0.0"
    other = web.ask("/metrics", accept=accept).body.decode()
    assert {f.name for f in open_families(other)} >= {"baseload_shares"}


def test_metrics_do_not_grow_with_the_miners() -> None:
    few, many = Web(), Web()
    few.seat()
    for _ in range(50):
        many.seat()

    def lines(web: Web) -> int:
        return len(web.ask("/metrics").body.splitlines())

    assert lines(few) == lines(many)
