"""A pool of Stratum V2 with every misbehaviour as a switch or a call."""

import struct
from collections.abc import Iterable
from typing import cast

from twisted.internet.task import Clock
from typing_extensions import override

from protocol.sv2.codec import Message, common, encode, mining
from tests.fakes.hostile_pool import MARK, NO_UTF8, Hostility
from tests.fakes.judging_pool import NTIME, PoolSide
from tests.fakes.judging_sv2_pool import GROUP, NBITS, JudgingSv2Pool, Sv2PoolSide

CHANNEL = 1
_ANSWERS = mining.SubmitSharesSuccess | mining.SubmitSharesError
_BIG_FRAME = struct.pack("<HB", 0, 0x1F) + (0x60000).to_bytes(3, "little")


class HostileSv2Side(Sv2PoolSide):
    """The pool's end of one connection, with its switches."""

    factory: "HostileSv2Pool"
    size = 0
    extranonce1 = b""

    @override
    def connectionMade(self) -> None:
        self.prefixes: dict[str, bytes] = {}
        super().connectionMade()

    @override
    def say(self, *messages: Message) -> None:
        if self.factory.never_answers:
            messages = tuple(m for m in messages if not isinstance(m, _ANSWERS))
        self.say_frames(encode(m).replace(MARK.encode(), NO_UTF8) for m in messages)

    def say_frames(self, frames: Iterable[bytes]) -> None:
        """Send frames as they are, if there is a peer to hear them."""
        if self.line.is_open:
            self.line.send(frames)
        self._flush()

    @override
    def notify(self) -> None:
        self.prefixes[self.factory.job_id] = self.extranonce1
        super().notify()
        if self.factory.hangs_up_after_job:
            self.transport.loseConnection()  # type: ignore[union-attr]

    @override
    def _open(self, number: int, wanted: int) -> None:
        self.size = self.factory.size
        super()._open(number, wanted)


class HostileSv2Pool(Hostility, JudgingSv2Pool):
    """A pool of Stratum V2."""

    protocol = HostileSv2Side

    def __init__(self, name: str, clock: Clock, size: int) -> None:
        super().__init__(name, clock, size)

    @property
    def _talking(self) -> list[HostileSv2Side]:
        sides = cast("list[HostileSv2Side]", list(self.sides))
        return [side for side in sides if side.subscribed]

    def _shout(self, *messages: Message) -> None:
        for side in self._talking:
            side.say(*messages)

    @override
    def tell_difficulty(self) -> None:
        self._shout(mining.SetTarget(CHANNEL, self.target))

    @override
    def _fault(self, side: PoolSide, params: list[object]) -> str:
        """Judge by its connection's room, and the prefix that its job came with."""
        at = cast("HostileSv2Side", side)
        size, now = self.size, at.extranonce1
        self.size = at.size
        at.extranonce1 = at.prefixes.get(str(params[1]), now)
        try:
            return super()._fault(side, params)
        finally:
            self.size, at.extranonce1 = size, now

    def move_prefix(self) -> None:
        """Give every channel another prefix, for the jobs from here on."""
        for side in self._talking:
            if not self.is_mute:  # else nobody can know
                side.change_prefix(self.new_extranonce1())
        self.new_job()

    def resize(self, size: int) -> None:
        """Leave other room: with a prefix that no channel may be given."""
        self.size = size
        for side in self._talking:
            side.change_prefix(self.new_extranonce1() + b"\0")
        self.new_block()

    def babble(self) -> None:
        """Refuse what nobody asked for, in words that are no UTF-8."""
        self._shout(mining.UpdateChannelError(CHANNEL, MARK))

    def answer_nobody(self) -> None:
        """Answer what was never asked, well and badly."""
        self._shout(
            mining.SubmitSharesSuccess(CHANNEL, 1 << 20, 7, 7),
            mining.SubmitSharesError(CHANNEL, 1 << 21, MARK),
            mining.SubmitSharesError(CHANNEL + 5, 1, "stale-share"),
        )

    def misspeak(self) -> None:
        """Start a job that nobody was told of."""
        tip = mining.SetNewPrevHash(GROUP, 1 << 30, bytes(32), NTIME, NBITS)
        self._shout(tip)

    def send_too_much(self) -> None:
        """Send a frame that is longer than any job."""
        for side in self._talking:
            side.say_frames([_BIG_FRAME + bytes(0x60000)])

    def ask_to_reconnect(self) -> None:
        """Ask everybody to go elsewhere."""
        self._shout(common.Reconnect("evil.example", 3333))

    def close_channels(self) -> None:
        """Close the channels, not the connections."""
        self._shout(mining.CloseChannel(CHANNEL, MARK))
