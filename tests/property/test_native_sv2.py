"""The same frames through either engine: the same answers, the same counters."""

from collections import Counter
from typing import Any, NamedTuple, SupportsBytes

import pytest
from attrs import astuple
from hypothesis import example, given, settings
from hypothesis import strategies as st

from protocol.sv2.channels import ROLLABLE_MASK
from protocol.sv2.codec import Message, common, encode, mining
from protocol.sv2.frame import build_frame
from protocol.sv2.tlv import worker_tlv
from protocol.units import Difficulty
from protocol.work.vardiff import VardiffPolicy
from tests.fakes.hall import Hall
from tests.fakes.sv2_wire import NTIME, Door, Sv2Wire

pytest.importorskip("proxy.engine.engine")

WIRES = ("sv2", "auto")
EVERY = (1 << 256) - 1
LISTED = 60
Frame = SupportsBytes


class Side:
    """One engine with its connections, driven by steps."""

    def __init__(self, engine: str, threads: int = 1) -> None:
        kind = type("Hall", (Hall,), {"engine": engine, "threads": threads})
        self.door = Door(kind())
        self.hall = self.door.hall
        self.hall.sources[0].post()
        self.wires: list[Sv2Wire | None] = [
            self.door.connect(protocol).set_up() for protocol in WIRES
        ]
        self.answers: Counter[Any] = Counter()

    def do(self, step: tuple[Any, ...]) -> None:
        match step:
            case "say", number, frames, cut, flip:
                self.say(number, frames, cut, flip)
            case "post", changes:
                self.hall.sources[0].post(**changes)
            case "pass", seconds:
                self.hall.pass_time(seconds)
            case "park" | "grant" as what, number:
                for miner in list(self.door.roster.miners.values())[number:]:
                    getattr(miner, what)()
            case "policy", shares_per_minute:
                low, high = Difficulty(1e-9), Difficulty(1e12)
                bounds = self.hall.context.bounds
                bounds.policy = VardiffPolicy(shares_per_minute, low, high)
                for miner in self.door.roster.miners.values():
                    miner.bounds_changed()
        self.hall.clock.advance(0.001)

    def say(self, number: int, frames: list[Frame], cut: int, flip: int) -> None:
        wire = self.wires[number]
        if wire is None:
            return
        wire.line.send(map(bytes, frames))
        data = wire.line.outgoing()
        if 0 <= flip < len(data):
            data = data[:flip] + bytes([data[flip] ^ 1]) + data[flip + 1 :]
        for piece in (data[:cut], data[cut:]):
            if piece and not wire.is_dropped:
                wire.send(piece)
        self.let_all_be_taken()

    def let_all_be_taken(self) -> None:
        """End turns of the reactor until nothing that was sent waits."""
        clock = self.hall.clock
        while any(c.getTime() <= clock.seconds() for c in clock.getDelayedCalls()):
            clock.advance(0)

    def heard(self) -> list[Any]:
        """Return what each connection heard, but for the verdicts on shares."""
        return [self._heard(number) for number in range(len(WIRES))]

    def _heard(self, number: int) -> Any:
        wire = self.wires[number]
        if wire is None:
            return None
        if wire.is_dropped:
            self.wires[number] = None
            wire.hang_up()
            return None
        by_channel: dict[int, list[Message]] = {}
        for message in wire.hear():
            channel = getattr(message, "channel_id", 0)
            match message:
                case mining.SubmitSharesSuccess():
                    self.answers[number, channel] += message.new_submits_accepted_count
                    last = (number, channel, "last")
                    self.answers[last] = message.last_sequence_number
                case mining.SubmitSharesError():
                    self.answers[number, message] += 1
                case _:
                    by_channel.setdefault(channel, []).append(message)
        return by_channel

    def counters(self) -> list[Any]:
        book = self.hall.recorder.totals
        site = book.sites["hall-a"]
        sums = [site.accepted, +site.rejected, dict(site.lost), book.blocks_found]
        miners = {m.id: self.miner(m) for m in self.door.roster.miners.values()}
        groups = self.hall.board.groups
        seen = [len(e.job.seen) for group in groups for e in group.live.values()]
        held = [group.space.slots.held for group in groups]
        return [sums, miners, seen, held, self.rows(), self.sent(), self.answers]

    def miner(self, m: Any) -> list[Any]:
        now, tally = self.hall.context.now(), m.tally
        return [
            m.accepted, +m.rejected, astuple(m.conduct), m.share_at,
            m.heard_at, m.difficulty, m.vardiff.difficulty, m.vardiff.shares_left,
            m.is_granted, list(m.workers), tally.shares, tally.stale,
            *map(about, (tally.work, tally.work2, tally.parked_work)),
            about(tally.unauthorised_work), about(m.meter.rates(now).m1),
        ]  # fmt: skip

    def rows(self) -> list[Any]:
        """Return what the ledger was given; a flood of rejects is cut short in C."""
        shares = self.hall.ledger.shares
        if self.hall.recorder.totals.sites["hall-a"].rejected.total() > LISTED:
            shares = [share for share in shares if share.verdict == "accepted"]
        return sorted(
            (s.at, s.worker, s.job_id, s.difficulty, s.verdict, s.hash) for s in shares
        )

    def sent(self) -> list[Any]:
        fields = "worker job_id difficulty verdict hash slot extranonce2 ntime nonce"
        names = [*fields.split(), "version", "meets_source", "is_block"]
        sent = self.hall.sink.sent
        return sorted([getattr(share, name) for name in names] for share, _ in sent)


def about(value: float) -> str:
    """Return all of a sum but what depends on the order of its parts."""
    return f"{value:.12g}"


# what is said

CHANNELS = st.sampled_from([2, 2, 2, 3, 3, 4, 1, 0, 99])
U32 = st.integers(0, 2**32 - 1)
SHARE = (
    CHANNELS,
    st.integers(0, 9) | U32,
    st.sampled_from([1, 2, 2, 3, 4, 5, 0, 10, 0xBEEF, 2**32 - 1]),
    st.integers(0, 12),
    st.sampled_from([NTIME] * 6 + [NTIME + 1, NTIME - 1, 0, 2**32 - 1]),
    st.sampled_from([0x20000000] * 4 + [0x20002000, 0x20000020, 0x20000001, 0, 2**31]),
)
EXTRANONCES = st.sampled_from(
    [bytes(4)] * 6 + [b"", b"\1\0", bytes(8), b"abc", bytes(32), b"\0\0\0\7"]
)
TRAILING = st.sampled_from([b""] * 6 + [worker_tlv("rig7"), b"\0", b"\2\0\1\xff\xff"])
EXTENDED = st.builds(mining.SubmitSharesExtended, *SHARE, EXTRANONCES, TRAILING)
STANDARD = st.builds(mining.SubmitSharesStandard, *SHARE)
TARGETS = st.sampled_from([EVERY] * 4 + [1 << 250, 1 << 220, 1, 0])
RATES = st.sampled_from([0.0, 0.0, 1.0, 1e3, 1e12, float("nan")])
OTHERS = st.one_of(
    st.builds(
        mining.OpenExtendedMiningChannel,
        *[st.integers(1, 3), st.sampled_from(["rig1", "rig2", ""]), RATES, TARGETS],
        st.sampled_from([4, 4, 0, 2, 9]),
    ),
    st.builds(
        mining.OpenStandardMiningChannel,
        *[st.integers(1, 3), st.sampled_from(["rig3", "\n"]), RATES, TARGETS],
    ),
    st.builds(mining.UpdateChannel, CHANNELS, RATES, TARGETS),
    st.builds(mining.CloseChannel, CHANNELS, st.just("bye")),
    st.just(common.RequestExtensions(1, (2,))),
)


class Rude(NamedTuple):
    """A frame that is built when it is said: its text is shorter so."""

    extension: int
    kind: int
    payload: bytes
    size: int
    is_channel: bool

    def __bytes__(self) -> bytes:
        payload = self.payload.ljust(self.size, b"\0")
        return build_frame(
            self.extension, self.kind, payload, is_channel=self.is_channel
        )


@st.composite
def rude(draw: Any) -> Rude:
    """Return a frame that is not what it should be, or that nobody knows."""
    extension = draw(st.sampled_from([0, 0, 0x8000, 1, 0x7FFF]))
    kind = draw(st.sampled_from([0x1A, 0x1B, 0x1B, 0x16, 0x1C, 0x77]))
    size = draw(st.sampled_from([0, 3, 23, 24, 25, 29, 300, 0x14000, 0x14001]))
    payload = draw(st.binary(max_size=30))
    return Rude(extension, kind, payload, size, draw(st.booleans()))


FRAMES = st.one_of(
    *[EXTENDED.map(encode)] * 3, STANDARD.map(encode), OTHERS.map(encode)
)
SEVERAL = st.lists(FRAMES, min_size=1, max_size=8)
NUMBERS = st.integers(0, len(WIRES) - 1)
CHANGES = st.sampled_from(
    [
        {},
        {"prev_hash": b"\x09" * 32},
        {"target": EVERY},
        {"block_target": EVERY, "target": EVERY},
        {"version_mask": 0x6000},
        {"version_mask": ROLLABLE_MASK},
        {"difficulty": Difficulty(3e-9)},
        {"clean": False},
    ]
)
WHOLE = st.just(10**6)
STEPS = (
    st.tuples(
        st.just("say"), NUMBERS, SEVERAL, WHOLE | st.integers(0, 900), st.just(-1)
    )
    | st.tuples(st.just("say"), NUMBERS, SEVERAL, st.integers(0, 300), st.just(-1))
    | st.tuples(st.just("say"), NUMBERS, SEVERAL, WHOLE, st.just(-1))
    | st.tuples(
        st.just("say"),
        NUMBERS,
        st.tuples(SEVERAL, rude()).map(lambda both: [*both[0], both[1]]),
        WHOLE,
        st.sampled_from([-1] * 3 + [0, 21, 22, 70, 90, 200]),
    )
    | st.tuples(st.just("post"), CHANGES)
    | st.tuples(st.just("pass"), st.sampled_from([1, 2, 31, 140]))
    | st.tuples(st.sampled_from(["park", "grant"]), st.integers(0, 2))
    | st.tuples(st.just("policy"), st.sampled_from([0.0, 18.0, 6000.0]))
)
OPEN = [
    encode(mining.OpenExtendedMiningChannel(1, "rig1", 0.0, EVERY, 4)),
    encode(mining.OpenStandardMiningChannel(2, "rig2", 0.0, EVERY)),
    encode(mining.OpenExtendedMiningChannel(3, "rig3", 0.0, EVERY, 2)),
]
WORK = [("say", n, OPEN, 10**6, -1) for n in range(len(WIRES))]
MANY = [
    encode(mining.SubmitSharesExtended(2, n, 1, n, NTIME, 0x20000000, bytes(4), b""))
    for n in range(90)
]


@settings(max_examples=300)
@given(st.sampled_from([1, 2]), st.booleans(), st.lists(STEPS, min_size=1, max_size=14))
@example(
    2, True, [("say", 0, MANY, 3000, -1), ("pass", 2), ("say", 1, MANY, 10**6, -1)]
)
@example(
    1, True, [("policy", 6000.0), ("say", 1, MANY, 1, -1), ("pass", 1), ("post", {})]
)
@example(2, True, [("post", {"block_target": EVERY}), ("say", 0, MANY, 10**6, -1)])
@example(1, True, [("say", 1, MANY, 10**6, 2000), ("pass", 1)])
@example(1, True, [("post", {"version_mask": ROLLABLE_MASK}), ("post", {})])
def test_both_engines_answer_and_count_alike(
    threads: int,
    are_at_work: bool,  # noqa: FBT001
    steps: list[tuple[Any, ...]],
) -> None:
    python, native = Side("python"), Side("native", threads)

    for step in (WORK if are_at_work else []) + steps:
        python.do(step)
        native.do(step)
        assert native.heard() == python.heard(), step
        assert native.counters() == python.counters(), step
