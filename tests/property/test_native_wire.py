"""The same bytes through either engine: the same answers, the same counters."""

import json
from typing import Any

import pytest
from attrs import astuple
from hypothesis import example, given, settings
from hypothesis import strategies as st

from protocol.errors import RemoteError
from protocol.units import Difficulty
from protocol.work.vardiff import VardiffPolicy
from tests.fakes.hall import AUTHORIZE, CONFIGURE, SUBSCRIBE, Hall, NativeWire, Wire

pytest.importorskip("proxy.engine.engine")

MINERS = 3
LISTED = 60
EVERY = (1 << 256) - 1


class Side:
    """One engine with its miners, driven by steps."""

    def __init__(self, engine: str, threads: int = 1) -> None:
        kind = type("Hall", (Hall,), {"engine": engine, "threads": threads})
        self.hall: Hall = kind()
        self.hall.sources[0].post()
        self.wires: list[Wire | None] = [self.hall.connect() for _ in range(MINERS)]
        self.gone: list[Wire] = []

    def do(self, step: tuple[Any, ...]) -> None:
        match step:
            case "send", number, data:
                self.send(number, data)
            case "post", changes:
                self.hall.sources[0].post(**changes)
            case "pass", seconds:
                self.hall.pass_time(seconds)
            case "park", number:
                self.with_miner(number, "park")
            case "grant", number:
                self.with_miner(number, "grant")
            case "policy", shares_per_minute:
                low, high = Difficulty(1e-9), Difficulty(1e12)
                bounds = self.hall.context.bounds
                bounds.policy = VardiffPolicy(shares_per_minute, low, high)
                for number in range(MINERS):
                    self.with_miner(number, "bounds_changed")
        self.hall.clock.advance(0.001)

    def send(self, number: int, data: bytes) -> None:
        wire = self.wires[number]
        if wire is None:
            return
        try:
            wire.send(data)
        except RemoteError:
            wire.miner.leave()
            self.drop(number)
        if isinstance(wire, NativeWire) and not wire.miner.outbox.is_open:
            self.drop(number)

    def drop(self, number: int) -> None:
        wire = self.wires[number]
        assert wire is not None
        self.wires[number] = None
        self.gone.append(wire)

    def with_miner(self, number: int, what: str) -> None:
        wire = self.wires[number]
        if wire is not None:
            getattr(wire.miner, what)()

    def heard(self) -> list[Any]:
        """Return what each miner heard: answers and notices, each in order."""
        return [parts(wire.received()) if wire else None for wire in self.wires]

    def counters(self) -> list[Any]:
        book = self.hall.recorder.totals
        site = book.sites["hall-a"]
        parked = self.hall.context.parking.rejected
        sums = [site.accepted, +site.rejected, dict(site.lost), book.blocks_found]
        sums.append(+parked)
        miners = [self.miner(wire) for wire in self.wires if wire]
        groups = self.hall.board.groups
        seen = [len(e.job.seen) for group in groups for e in group.live.values()]
        return [sums, miners, seen, self.rows(), self.sent()]

    def miner(self, wire: Wire) -> list[Any]:
        m, now = wire.miner, self.hall.context.now()
        tally = m.tally
        return [
            m.accepted, +m.rejected, astuple(m.conduct), m.share_at,
            m.heard_at, m.difficulty, m.vardiff.difficulty, m.vardiff.shares_left,
            m.meter.rates(now), m.is_granted, tally.shares, tally.work, tally.work2,
            tally.parked_work, tally.unauthorised_work, tally.stale, m.stale_parked,
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


def parts(data: bytes) -> tuple[list[bytes], list[bytes]]:
    lines = data.splitlines(keepends=True)
    notices = [line for line in lines if line.startswith(b'{"id":null,"method"')]
    return [line for line in lines if line not in notices], notices


# what is sent

GOOD = ["rig1", "1", "00000000", "6553f100", "00000000"]
FIELDS = [
    st.sampled_from(["rig1"] * 6 + ["rig2", "", "r\u00e9g", "w" * 129]),
    st.sampled_from(["1", "2", "2", "3", "4", "5", "A", "a", "01", "beef", "x y", ""]),
    st.sampled_from(["00000000"] * 6 + ["0000000A", "00", "0", "00 000000", "zz", ""]),
    st.sampled_from(["6553f100"] * 6 + ["6553f101", "1", "65540c59", "ffffffff", "-1"]),
    st.integers(0, 12).map(lambda n: f"{n:x}") | st.sampled_from(["0A", "", " 1"]),
    st.sampled_from(["00000000", "1fffe000", "00002000", "00001000", "2000"]),
]
IDS = st.sampled_from([1, 4, 4, "x-1", None, 10**19, -3, 1.5, [1], "\n"])


@st.composite
def submits(draw: Any) -> bytes:
    """Return a line that is a submit, canonical or less so."""
    number = draw(st.sampled_from([5] * 6 + [6, 6, 4]))
    fields: list[Any] = [draw(fields) for fields in FIELDS[:number]]
    if draw(st.sampled_from([False] * 9 + [True])):
        fields[-1] = draw(st.integers(0, 9))
    pairs = [("id", draw(IDS)), ("method", "mining.submit"), ("params", fields)]
    message = dict(draw(st.permutations(pairs)))
    if draw(st.sampled_from([False] * 9 + [True])):
        message["jsonrpc"] = "2.0"
    tight = draw(st.booleans())
    text = json.dumps(message, separators=(",", ":") if tight else None)
    return text.encode() + bytes(
        draw(st.sampled_from([b"\n", b"\n", b"\r\n", b" \n", b"\n\n"]))
    )


def line_of(message: Any) -> bytes:
    return json.dumps(message).encode() + b"\n"


OTHERS = st.sampled_from(
    [
        line_of(CONFIGURE),
        line_of(SUBSCRIBE),
        line_of(AUTHORIZE),
        line_of({"id": 5, "method": "mining.authorize", "params": ["rig2", "d=2"]}),
        line_of({"id": 6, "method": "mining.suggest_difficulty", "params": [1e-8]}),
        line_of({"id": 7, "method": "mining.ping", "params": []}),
        line_of({"id": 8, "method": "no.such", "params": []}),
        b"\n", b" \r\n", b"\x0b\n",
    ]
)  # fmt: skip
RUDE = st.sampled_from(
    [b"{" * 17000, b"{}\n", b"[1]\n", b"\xff\n", b"GET / HTTP/1.1\r\n", b" " * 16385,
     b" " * 16385 + b"\n", b'{"id":1,"method":"mining.term","params":[]}\n']
)  # fmt: skip


@st.composite
def chunks(draw: Any) -> bytes:
    """Return bytes as they may come in one piece: lines, and parts of lines."""
    kinds = submits() | submits() | submits() | OTHERS
    data = b"".join(draw(st.lists(kinds, min_size=1, max_size=6)))
    match draw(st.integers(0, 24)):
        case 0:
            data += draw(RUDE)
        case 1:
            data = data[: draw(st.integers(1, len(data)))]
        case 2:
            at = draw(st.integers(0, len(data)))
            data = data[:at] + draw(st.binary(max_size=2)) + data[at:]
    return data


CHANGES = st.sampled_from(
    [
        {},
        {"prev_hash": b"\x09" * 32},
        {"target": EVERY},
        {"block_target": EVERY, "target": EVERY},
        {"version_mask": 0x6000},
        {"difficulty": Difficulty(3e-9)},
        {"clean": False},
    ]
)
NUMBERS = st.integers(0, MINERS - 1)
STEPS = (
    st.tuples(st.just("send"), NUMBERS, chunks())
    | st.tuples(st.just("send"), NUMBERS, chunks())
    | st.tuples(st.just("send"), NUMBERS, chunks())
    | st.tuples(st.just("post"), CHANGES)
    | st.tuples(st.just("pass"), st.sampled_from([1, 2, 31, 140]))
    | st.tuples(st.sampled_from(["park", "grant"]), NUMBERS)
    | st.tuples(st.just("policy"), st.sampled_from([0.0, 18.0, 6000.0]))
)
WORK = [("send", n, line_of(SUBSCRIBE) + line_of(AUTHORIZE)) for n in range(MINERS)]
MANY = b"".join(
    line_of({"id": n, "method": "mining.submit", "params": [*GOOD[:4], f"{n:x}"]})
    for n in range(90)
)
BLOCKS = MANY.replace(b'"1"', b'"2"')


@settings(max_examples=400)
@given(st.sampled_from([1, 2]), st.booleans(), st.lists(STEPS, min_size=1, max_size=14))
@example(1, True, [("send", 0, MANY), ("pass", 2), ("send", 0, MANY[:3000])])
@example(2, True, [("policy", 6000.0), ("send", 1, MANY), ("pass", 1), ("post", {})])
@example(2, True, [("post", {"block_target": EVERY}), ("send", 2, BLOCKS)])
@example(1, True, [("send", 0, b" " * 16385 + b"\n")])
@example(1, True, [("send", 0, MANY[:20] + b" " * 16385 + MANY[20:90])])
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
