"""Every test of the share path runs with either engine."""

import pytest

from tests.engines import ENGINES
from tests.fakes.hall import Hall


@pytest.fixture(autouse=True, params=ENGINES)
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    chosen: str = request.param
    monkeypatch.setattr(Hall, "engine", chosen)
    return chosen
