"""A PostgreSQL of our own: real, on a free port, of an unprivileged user."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from tests.cluster.plant import Plant
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
def plant(postgres: Postgres, folder: Path) -> Iterator[Plant]:
    made = Plant(postgres, folder)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def followed(folder: Path) -> Iterator[Plant]:
    """Halls on a server with a standby: it does not outlive the test."""
    if reason := why_not():
        pytest.skip(reason)
    server = Postgres(Path(mkdtemp(prefix="baseload-pg-")))
    server.make()
    made = Plant(server, folder)
    made.start()
    made.follow()
    yield made
    made.stop()
    made.postgres.remove()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path
