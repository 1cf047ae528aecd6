"""Verdicts that were counted where they were given: what the share engine hands up."""

import msgspec

from protocol.work.share import JudgedShare
from proxy.shares.rows import Cells


class CountedBatch(msgspec.Struct):
    """The verdicts of one turn, all of one site.

    Attributes:
        at: When they were judged, Unix seconds.
        cells: Rows of the accepted ones and the rejected ones of the first, in order:
            of a flood of rejects a worker's first 60 in a minute are enough.
        sums: By worker: accepted, rejected without a row, work.
        wanted: Blocks, and shares that meet their source's target.
        accepted: Number of them, rows or not.
        work: Sum of their difficulties.
        rejected: Number by reason.
    """

    at: float
    site: str
    cells: Cells
    sums: list[tuple[str, int, int, float]]
    wanted: list[JudgedShare]
    accepted: int
    work: float
    rejected: dict[str, int]
