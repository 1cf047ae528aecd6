"""A miner that stands for a fault of ours: whatever is done with it raises."""

from typing import Any

from proxy.downstream.miner import Miner


class BrokenError(Exception):
    """What such a fault raises."""


class _Broken:
    def __getattr__(self, name: str) -> Any:
        raise BrokenError(name)


def break_down(miner: Miner) -> None:
    """Let `miner` have no difficulty that anybody could ask it for, and no record."""
    miner.vardiff = _Broken()  # type: ignore[assignment]
    miner.conduct = _Broken()  # type: ignore[assignment]
