"""One budget and one vardiff for miners of either version of Stratum."""

import pytest

from tests.both_kinds import START, kinds_alike


@pytest.mark.integration
def test_both_kinds_are_shown_retargeted_and_parked_alike() -> None:
    kinds = kinds_alike(8)

    assert min(kind["difficulty"] for kind in kinds.values()) > START
