"""A PostgreSQL of our own: real, on a free port, of an unprivileged user."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from tests.cluster.postgres import Postgres, why_not


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    reason = why_not()
    if reason:
        pytest.skip(reason)
    # not below pytest's own, which it shuts to all but us, again and again
    server = Postgres(Path(mkdtemp(prefix="baseload-pg-")))
    server.make()
    yield server
    server.remove()


@pytest.fixture
def postgres(server: Postgres) -> Postgres:
    server.begin_anew()
    return server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path
