"""Vardiff brings miners of either version of Stratum to the same difficulty in time."""

import pytest

from tests.both_kinds import START, kinds_alike


@pytest.mark.bench
def test_both_kinds_are_retargeted_as_fast() -> None:
    kinds = kinds_alike(16)

    assert kinds["sv1"]["difficulty"] > 10 * START
    assert 0.5 <= kinds["sv1"]["difficulty"] / kinds["sv2"]["difficulty"] <= 2.0
