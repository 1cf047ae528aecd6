"""doctor beside a real PostgreSQL."""

from pathlib import Path

from proxy.cluster.migrate import migrate
from proxy.config import load_config
from proxy.doctor.shared import cluster
from tests.cluster.postgres import Postgres
from tests.unit.test_config_cluster import written


def test_tables_that_are_not_there_are_named(postgres: Postgres, folder: Path) -> None:
    at = ("postgresql://baseload:hush@db/baseload", postgres.url)
    config = load_config(written(folder, at))
    before = [finding.level for finding in cluster(config)]
    migrate(postgres.url, [])
    without_site = [finding.level for finding in cluster(config)]
    migrate(postgres.url, ["plant"])
    after = list(cluster(config))

    assert before == ["fail", "fail"]
    assert without_site == ["ok", "fail"]
    assert [finding.level for finding in after] == ["ok"]
    assert after[0].seen.startswith("PostgreSQL ")
