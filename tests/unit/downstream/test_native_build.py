"""The engine in C is there where it has to be."""

import os
from importlib import import_module

import pytest


@pytest.mark.skipif(
    os.environ.get("BASELOAD_REQUIRE_NATIVE") != "1",
    reason="the engine may be absent where there is no compiler",
)
def test_the_engine_has_been_built() -> None:
    engine = import_module("proxy.downstream.native.engine")

    assert engine.choose_sha256() in {"sha-ni", "armv8", "portable"}
