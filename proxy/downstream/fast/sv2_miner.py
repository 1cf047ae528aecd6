"""A channel of Stratum V2 on a connection that the share engine holds."""

from attrs import define, field
from typing_extensions import override

from protocol.sv2.channels import ROLLABLE_MASK, ServerChannel
from protocol.sv2.miner_events import ChannelUpdated, ShareSubmitted
from proxy.downstream.fast.copied import EngineMiner
from proxy.downstream.sv2_miner import Sv2Miner
from proxy.engine.engine import Channel


@define(eq=False, repr=False)
class EngineSv2Miner(EngineMiner, Sv2Miner):
    """One channel, most of whose shares the engine judges."""

    _copies: Channel
    _workers_copied: int = field(default=0, init=False)

    @override
    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self._begin_to_copy()
        self._copies.set_session(True, ROLLABLE_MASK, ROLLABLE_MASK)

    @property
    @override
    def mirror(self) -> Channel:
        return self._copies

    @override
    def start(self, channel: ServerChannel, target: int) -> None:
        super().start(channel, target)
        self._workers_copied = self._copy_place(self._workers_copied)
        self._copies.open(channel.id, len(channel.filling), channel.is_standard)

    @override
    def submit(self, share: ShareSubmitted) -> None:
        self.settle()
        super().submit(share)
        self._workers_copied = self._copy_place(self._workers_copied)
        self._copy_requested()

    @override
    def update(self, update: ChannelUpdated) -> None:
        self.settle()
        super().update(update)

    @override
    def leave(self) -> None:
        self._copies.close()
        super().leave()
