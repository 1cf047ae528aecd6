"""The share engines that tests of the share path run with: both, where both are."""

import os
from importlib.util import find_spec

import pytest

NEEDS_ENGINE = pytest.mark.skipif(
    find_spec("proxy.downstream.native.engine") is None
    and os.environ.get("BASELOAD_REQUIRE_NATIVE") != "1",
    reason="the engine in C was not built",
)
ENGINES = ["python", pytest.param("native", marks=NEEDS_ENGINE)]
