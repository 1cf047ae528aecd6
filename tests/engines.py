"""The share engines that tests of the share path run with: both, where both are."""

import os
from importlib.util import find_spec
from typing import Any

import pytest

NEEDS_ENGINE = pytest.mark.skipif(
    find_spec("proxy.engine.engine") is None
    and os.environ.get("BASELOAD_REQUIRE_NATIVE") != "1",
    reason="the engine in C was not built",
)
Engine = tuple[str, int]  # a name and how many threads judge
AUTO: Engine = ("auto", 1)
PYTHON: Engine = ("python", 1)
TWO_LANES: Engine = ("native", 2)
ENGINES = [
    pytest.param(PYTHON, id="python"),
    pytest.param(("native", 1), id="native", marks=NEEDS_ENGINE),
    pytest.param(TWO_LANES, id="native-2", marks=NEEDS_ENGINE),
]
EITHER_ENGINE = pytest.mark.parametrize("engine", ENGINES[:2])
"""For whole plants, where it is cheap: each second of these is one of CI."""


def name_of(value: object) -> str | None:
    """Return what an engine is called in a test's name; None: not an engine."""
    return f"{value[0]}-{value[1]}" if isinstance(value, tuple) else None


def proxy_keys(engine: Engine) -> dict[str, Any]:
    """Return what `[proxy]` says to run with `engine`."""
    return {"engine": engine[0], "engine_threads": engine[1]}
