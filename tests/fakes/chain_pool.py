"""A pool that has its jobs from a node's templates, and may lie about them."""

from typing import Any

from typing_extensions import override

from protocol.bitcoin.coinbase import Payout
from protocol.work.template import Template, work_from_template
from tests.fakes.judging_pool import JudgingPool, PoolSide

PAYOUT = Payout(b"\x51")


class ChainPool(JudgingPool):
    """Serves whatever template it is given; takes every share."""

    def __init__(self, template: Template) -> None:
        super().__init__(1e-6)
        self._template = template
        self._served = 0

    def serve(self, template: Template) -> None:
        """Send `template` to all as a new job that makes the old ones void."""
        self._template = template
        self.tell(lambda side: side.notify())

    @override
    def job_params(self) -> list[Any]:
        self._served += 1
        work = work_from_template(
            self._template, PAYOUT, source="", source_job="", clean=True
        )
        prev = work.prev_hash
        words = b"".join(prev[i : i + 4][::-1] for i in range(0, 32, 4))
        return [
            f"{self._served:x}",
            words.hex(),
            work.coinb1.hex(),
            work.coinb2.hex(),
            [node.hex() for node in work.merkle_branch],
            f"{work.version:08x}",
            f"{work.nbits:08x}",
            f"{work.ntime:08x}",
            True,
        ]

    @override
    def judge(self, side: PoolSide, params: list[Any]) -> str:
        self.accepted += 1
        return ""
