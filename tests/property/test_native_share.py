"""The parser and the judge in C say what the reference in Python says."""

import hashlib
import struct
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from protocol.errors import RemoteError
from protocol.sv1.messages import Submit, read_request
from protocol.units import Difficulty, WorkerName
from protocol.work.judge import Terms, judge
from protocol.work.share import Submission, Verdict
from tests.builders import NOW, VECTORS, a_job, a_submission, a_work, job_of_vector

engine = pytest.importorskip("proxy.engine.engine")

EVERY = (1 << 256) - 1
MOST = settings(max_examples=600)

# the line

CANONICAL = [
    b'{"id":4,"method":"mining.submit","params":["w","1","00","6553f100","0"]}',
    (
        b'{"params": ["rig.1", "a1", "00000000", "6553f100", "deadbeef"], "id": 0,'
        b' "method": "mining.submit"}'
    ),
    (
        b'{"id": "x-1", "method": "mining.submit", "params": ["", "", "", "1", "2",'
        b' "1fffe000"]}'
    ),
    (
        b'\t{ "method" : "mining.submit" , "id":null,"params":[ "W" , "F" , "aB" , "F"'
        b' ,"1"] } '
    ),
]


@pytest.mark.parametrize("line", CANONICAL)
def test_what_firmware_sends_is_read_in_c(line: bytes) -> None:
    assert engine.read_submit(line) is not None


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b'{"id":1,"method":"mining.submit","params":["w","1","00","1","1"]}x',
        b'{"id":1,"method":"mining.submit","params":["w","1","00","1"]}',
        b'{"id":1,"method":"mining.submit","params":["w","1","0","1","1"]}',
        b'{"id":1,"method":"mining.submit","params":["w","1","00 00","1","1"]}',
        b'{"id":1,"method":"mining.submit","params":["w","1","00","123456789","1"]}',
        b'{"id":1,"method":"mining.submit","params":["w\\u0041","1","00","1","1"]}',
        b'{"id":1,"method":"mining.submit","params":["\xc3\xa9","1","00","1","1"]}',
        b'{"id":1,"method":"mining.submit","params":["\xff","1","00","1","1"]}',
        b'{"id":1,"id":1,"method":"mining.submit","params":["w","1","00","1","1"]}',
        b'{"id":01,"method":"mining.submit","params":["w","1","00","1","1"]}',
        b'{"id":1,"method":"mining.authorize","params":["w","1","00","1","1"]}',
    ],
)
def test_what_is_odd_is_left_to_the_reference(line: bytes) -> None:
    assert engine.read_submit(line) is None


HEX = st.text("0123456789abcdefABCDEF", max_size=10)
NAMES = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0x7F), max_size=20
) | st.text(max_size=4)
FIELDS = st.lists(HEX | NAMES | st.sampled_from(["0" * 66, "w" * 129]), max_size=7)
GOOD_FIELDS = st.tuples(NAMES, HEX, st.binary(max_size=6).map(bytes.hex), HEX, HEX).map(
    list
)
IDS = st.sampled_from(
    [b"1", b"0", b"-1", b"1.5", b"1e3", b"null", b"true", b'"a"', b"[1]", b"9" * 63,
     b'"' + b"x" * 70 + b'"', b"12345678901234567890", b'"\\n"', b" 7 ", b"01"]
)  # fmt: skip
METHODS = st.sampled_from([b'"mining.submit"'] * 4 + [b'"mining.submit2"', b"7"])
BLANKS = st.sampled_from([b"", b" ", b"\t", b" \r", b"\n"])


@st.composite
def lines(draw: Any) -> bytes:
    """Return a submit, more or less."""
    gap = draw(BLANKS)
    fields = draw(GOOD_FIELDS | GOOD_FIELDS | FIELDS)
    pairs = [
        (b'"id"', draw(IDS)),
        (b'"method"', draw(METHODS)),
        (b'"params"', msgspec.json.encode(fields)),
    ]
    pairs += draw(st.sampled_from([[], [], [], [(b'"x"', b"1")], pairs[:1]]))
    text = (gap + b"," + gap).join(
        key + gap + b":" + gap + value for key, value in draw(st.permutations(pairs))
    )
    line = gap + b"{" + text + b"}" + gap
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        at = draw(st.integers(0, len(line)))
        line = line[:at] + draw(st.binary(max_size=2)) + line[at + 1 :]
    return bytes(line)


def reference(line: bytes) -> Any:
    try:
        return read_request(line)
    except RemoteError as error:
        return error


@MOST
@given(lines())
@example(CANONICAL[1])
def test_a_line_read_in_c_means_what_the_reference_reads(line: bytes) -> None:
    found = engine.read_submit(line)

    if found is not None:
        wanted = reference(line)
        assert isinstance(wanted, Submit)
        assert found == (wanted.id, wanted.share)


@given(st.binary(max_size=200))
def test_garbage_is_never_a_share_to_c_alone(line: bytes) -> None:
    if engine.read_submit(line) is not None:
        assert isinstance(reference(line), Submit)


# the judge


@pytest.fixture(params=["portable", None], ids=["portable", "best"])
def code(request: Any) -> Iterator[str]:
    yield engine.choose_sha256(request.param)
    engine.choose_sha256()


def both(job: Any) -> tuple[Any, Any]:
    """Return a job for the reference, and the same with rows in C."""
    twin = msgspec.structs.replace(job, seen=engine.SeenKeys())
    return msgspec.structs.replace(job, seen=set()), engine.JobRow(twin)


@pytest.mark.parametrize("vector", VECTORS["sv1"], ids=lambda v: v["name"])
def test_a_vector_is_judged_in_c_as_it_says(vector: Any, code: str) -> None:
    submit, expect = vector["submit"], vector["expect"]
    slot = bytes.fromhex(vector["extranonce1"])
    bits = int(submit[5], 16) if len(submit) > 5 else None
    share = Submission(
        WorkerName("w"), submit[1], bytes.fromhex(submit[2]),
        int(submit[3], 16), int(submit[4], 16), bits,
    )  # fmt: skip
    mask = int(vector["mask"] or "0", 16)
    how = Terms(slot, Difficulty(1e-10), mask, is_stale=False)
    _, row = both(job_of_vector(vector))

    result = row.judge(share, how, "hall-a", NOW)

    assert result.verdict is Verdict.ACCEPTED
    assert result.hash[::-1].hex() == expect["hash_display"]
    assert result.is_block is expect["is_block"]


U32 = st.sampled_from([0, 1, 0x20000000, 0x1FFFE000, 0x2000, 0xFFFFFFFF]) | st.integers(
    0, 0xFFFFFFFF
)
TARGETS = st.sampled_from([0, EVERY, 1 << 255, 1 << 254, (1 << 256) // 3])
NTIMES = st.sampled_from([1_699_999_999, 1_700_000_000, 1_700_007_000, 1_700_007_001])
JOBS = st.builds(
    lambda coinb1, branches, room, **work: a_job(
        coinb1=coinb1,
        room=room,
        work=a_work(merkle_branch=tuple(branches), **work),
    ),
    coinb1=st.binary(max_size=140),
    coinb2=st.binary(max_size=140),
    branches=st.lists(st.binary(min_size=32, max_size=32), max_size=3),
    room=st.integers(4, 9),
    version=U32,
    target=TARGETS,
    block_target=TARGETS,
    prev_hash=st.binary(min_size=32, max_size=32),
)
SHARES = st.builds(
    a_submission,
    extranonce2=st.sampled_from([b"", b"\0" * 4]) | st.binary(max_size=6),
    ntime=NTIMES,
    nonce=st.integers(0, 3),
    version_bits=st.none() | U32,
)
TERMS = st.builds(
    Terms,
    slot=st.sampled_from([b"\0\0\0\1", b"\0\0\0\2", b"\xe0\1", b"\1", b""]),
    difficulty=st.sampled_from([1e-12, 2.4e-10, 4e-10, 1e-9, 1.0, 65536.0]).map(
        Difficulty
    ),
    version_mask=st.sampled_from([0, 0x1FFFE000, 0x6000, 0xFFFFFFFF]),
    is_stale=st.sampled_from([False, False, False, True]),
)


@MOST
@given(JOBS, st.lists(st.tuples(SHARES, TERMS), min_size=1, max_size=8))
def test_verdicts_in_c_are_those_of_the_reference(
    job: Any, shares: list[tuple[Submission, Terms]]
) -> None:
    plain, row = both(job)

    for share, how in [*shares, *shares]:  # each once more: duplicates
        wanted = judge(share, plain, how, "hall-a", NOW)
        result = row.judge(share, how, "hall-a", NOW)
        assert msgspec.structs.replace(result, job=plain) == wanted
        assert len(row.job.seen) == len(plain.seen)


@pytest.mark.parametrize("length", [*range(130), 4000])
def test_a_coinbase_of_any_length_is_hashed_right(length: int, code: str) -> None:
    work = a_work(coinb2=bytes(i % 251 for i in range(length)), version_mask=0)
    plain, row = both(a_job(work=work))
    how = Terms(b"\0\0\0\1", Difficulty(1e-12), 0, is_stale=False)

    wanted = judge(a_submission(), plain, how, "hall-a", NOW)

    assert row.judge(a_submission(), how, "hall-a", NOW).hash == wanted.hash


@pytest.mark.parametrize("off", [-1, 0, 1])
def test_a_hash_at_the_edge_of_a_target_is_judged_as_in_python(off: int) -> None:
    how = Terms(b"\0\0\0\1", Difficulty(1e-12), 0, is_stale=False)
    _, row = both(a_job())
    value = int.from_bytes(row.judge(a_submission(), how, "h", NOW).hash, "little")

    work = a_work(block_target=value + off, target=value + off)
    _, edge = both(a_job(work=work))
    result = edge.judge(a_submission(), how, "h", NOW)

    assert result.is_block is result.meets_source is (off >= 0)


def test_a_job_of_impossible_size_is_refused() -> None:
    branches = a_job(
        work=a_work(merkle_branch=(b"\0" * 32,) * 65), seen=engine.SeenKeys()
    )

    with pytest.raises(ValueError, match="larger"):
        engine.JobRow(branches)
    with pytest.raises(ValueError, match="wrong size"):
        engine.JobRow(a_job(seen=engine.SeenKeys(), room=33))


# what has been submitted already


def key(number: int) -> bytes:
    return hashlib.sha256(struct.pack("<I", number)).digest()[:16]


def test_no_key_is_forgotten_while_the_set_grows() -> None:
    keys = engine.SeenKeys()

    for number in range(20_000):
        assert key(number) not in keys
        keys.add(key(number))
        if number % 97 == 0:
            assert all(key(n) in keys for n in range(0, number, 61))

    assert len(keys) == 20_000
    assert all(key(number) in keys for number in range(20_000))


@given(st.lists(st.sampled_from([bytes(8) + bytes([n]) * 8 for n in range(40)])))
def test_keys_that_start_alike_are_told_apart(chosen: list[bytes]) -> None:
    keys, model = engine.SeenKeys(), set()

    for each in chosen:
        assert (each in keys) is (each in model)
        keys.add(each)
        model.add(each)
        assert len(keys) == len(model)


def test_a_key_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="15 B"):
        engine.SeenKeys().add(b"\0" * 15)
