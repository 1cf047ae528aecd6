"""What doctor says of the cluster's database."""

from pathlib import Path

from proxy.config import load_config
from proxy.doctor.shared import cluster
from tests.support import free_port
from tests.unit.test_config_cluster import written


def test_a_database_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    config = load_config(
        written(
            tmp_path, ("postgresql://baseload:hush@db/", f"postgres://a@{address}/")
        )
    )
    (found,) = cluster(config)

    assert found.level == "fail"
    assert "refused" in found.seen
    assert "hush" not in found.seen
