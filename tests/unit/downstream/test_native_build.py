"""What is in C is there where it has to be."""

import os
from importlib import import_module

import pytest

NEEDS_BUILD = pytest.mark.skipif(
    os.environ.get("BASELOAD_REQUIRE_NATIVE") != "1",
    reason="it may be absent where there is no compiler",
)
HASHING = {"sha-ni", "armv8", "portable"}


@NEEDS_BUILD
def test_the_engine_has_been_built() -> None:
    engine = import_module("proxy.engine.engine")

    assert engine.choose_sha256() in HASHING


@NEEDS_BUILD
def test_the_load_has_been_built() -> None:
    assert import_module("proxy.bench.native.generator").HASHING in HASHING
