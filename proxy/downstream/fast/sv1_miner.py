"""A miner of Stratum V1 whose socket the share engine holds."""

from attrs import define, field
from typing_extensions import override

from protocol.work.job import Job
from proxy.downstream.fast.copied import EngineMiner
from proxy.downstream.sv1_miner import Sv1Miner
from proxy.engine.engine import Wire


@define(eq=False, repr=False)
class EngineSv1Miner(EngineMiner, Sv1Miner):
    """One connection of Stratum V1, most of whose shares the engine judges."""

    outbox: Wire
    _workers_copied: int = field(default=0, init=False)

    @override
    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self._begin_to_copy()

    @property
    @override
    def mirror(self) -> Wire:
        return self.outbox

    def hear(self, line: bytes) -> None:
        """Take in a line that the engine does not judge.

        Raises:
            RemoteError: They break the protocol: drop the miner.
        """
        self.settle()
        try:
            self.receive_line(line)
        finally:
            self._copy_session()
            self._workers_copied = self._copy_place(self._workers_copied)

    @override
    def slots_available(self) -> None:
        try:
            super().slots_available()
        finally:
            self._copy_session()
            self._workers_copied = self._copy_place(self._workers_copied)

    @override
    def assign(self, job: Job, line: bytes) -> None:
        super().assign(job, line)
        self._copy_session()

    def _copy_session(self) -> None:
        session = self.session
        self.outbox.set_session(
            session.is_subscribed, session.version_mask, self._mask_told
        )
