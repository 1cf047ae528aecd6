"""Every test of the share path runs with either engine."""

import pytest

from tests.engines import ENGINES
from tests.fakes.hall import Hall


@pytest.fixture(autouse=True, params=ENGINES)
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    name: str
    name, threads = request.param
    monkeypatch.setattr(Hall, "engine", name)
    monkeypatch.setattr(Hall, "threads", threads)
    return name
