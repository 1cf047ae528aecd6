"""The share engines that tests of the share path run with: both, where both are."""

import os
from importlib.util import find_spec

import pytest

NEEDS_ENGINE = pytest.mark.skipif(
    find_spec("proxy.downstream.native.engine") is None
    and os.environ.get("BASELOAD_REQUIRE_NATIVE") != "1",
    reason="the engine in C was not built",
)
# a name and how many threads judge
ENGINES = [
    pytest.param(("python", 1), id="python"),
    pytest.param(("native", 1), id="native", marks=NEEDS_ENGINE),
    pytest.param(("native", 2), id="native-2", marks=NEEDS_ENGINE),
]
