"""The largest job that a pool may send goes to every miner, with either engine.

ARCHITECTURE.md has the table of limits: what one lets in, all behind it must bear.
"""

import json
from typing import Any

import msgspec
import pytest

from protocol.sv1.client import MAX_LINE_BYTES
from protocol.sv1.codec import swap_words
from protocol.sv1.pool_messages import MAX_BRANCH, Notify, read_notify
from protocol.sv2.client import MAX_PAYLOAD_BYTES
from protocol.sv2.codec import encode, mining
from protocol.sv2.pool_channel import MAX_PATH
from protocol.work.job import MAX_COINB1_BYTES, MAX_COINB2_BYTES
from proxy.runtime.outbox import unsent_limit
from tests.fakes.hall import Hall, NativeWire, Wire
from tests.fakes.sv2_wire import Door

HASH = "5a" * 32
PARAMS: list[Any] = [
    "j" * 128,
    HASH,
    "ab" * MAX_COINB1_BYTES,
    "cd" * MAX_COINB2_BYTES,
    [HASH] * MAX_BRANCH,
    "20000000",
    "1d00ffff",
    "6553f100",
    True,
]


def the_largest() -> Notify:
    return read_notify(msgspec.Raw(msgspec.json.encode(PARAMS)))


def fields_of(notify: Notify, number: int) -> dict[str, Any]:
    """Return what a fake source posts: the job on block `number`."""
    return {
        "source_job": notify.source_job,
        "coinb1": notify.coinb1,
        "coinb2": notify.coinb2,
        "merkle_branch": notify.merkle_branch,
        "prev_hash": number.to_bytes(32, "little"),
        "extranonce1": b"\xee" * 32,
    }


def a_hall() -> Hall:
    hall = Hall()
    hall.sources[0].room = 16  # of which eight are padding
    hall.sources[0].post()
    return hall


def post(hall: Hall, number: int) -> None:
    hall.sources[0].post(**fields_of(the_largest(), number))


def stop_reading(wire: Wire) -> None:
    """Let no more bytes go to a peer; the engine's end finds that out by itself."""
    if not isinstance(wire, NativeWire):
        producer: Any = wire.transport.producer
        producer.pauseProducing()


def test_the_largest_job_of_a_pool_fits_a_line_and_a_frame() -> None:
    line = json.dumps({"id": None, "method": "mining.notify", "params": PARAMS})
    job = mining.NewExtendedMiningJob(
        1,
        2,
        1_700_000_000,
        0x20000000,
        True,
        (bytes(32),) * MAX_PATH,
        bytes(MAX_COINB1_BYTES),
        bytes(MAX_COINB2_BYTES),
    )

    assert len(line) <= MAX_LINE_BYTES
    assert len(encode(job)) <= MAX_PAYLOAD_BYTES


def test_the_largest_job_is_told_to_miners_of_both_versions_and_judged() -> None:
    hall = a_hall()
    door = Door(hall)
    older = hall.connect().work()
    extended, standard = door.connect().set_up(), door.connect().set_up()
    number = extended.extended()[0].channel_id
    standard.standard()

    post(hall, 7)
    (notify,) = told_late(older)
    job, tip = [heard for _ in range(8) for heard in extended.say()]
    narrow, _ = [heard for _ in range(8) for heard in standard.say()]

    assert notify["params"][3] == PARAMS[3]
    padded = MAX_COINB1_BYTES + 32 + 8
    assert len(notify["params"][2]) == 2 * padded
    assert notify["params"][1] == swap_words((7).to_bytes(32, "little")).hex()
    assert (len(job.coinbase_tx_prefix), len(job.coinbase_tx_suffix)) == (
        padded,
        MAX_COINB2_BYTES,
    )
    assert tip.job_id == job.job_id == narrow.job_id
    assert older.accepted_nonce() >= 0
    assert extended.accepted_nonce(number) >= 0


def test_a_miner_that_takes_its_time_keeps_two_of_the_largest_jobs() -> None:
    hall = a_hall()
    wire = hall.connect().work()
    wire.hear()
    stop_reading(wire)

    post(hall, 8)
    wire.miner.keep_alive()
    post(hall, 9)
    wire.miner.keep_alive()

    assert not wire.miner.outbox.fell_behind
    told = told_late(wire)
    assert [m["method"] for m in told if m["method"] == "mining.notify"] == [
        "mining.notify"
    ] * 2
    assert len({m["params"][1] for m in told if m["method"] == "mining.notify"}) == 2


def told_late(wire: Wire) -> list[dict[str, Any]]:
    """Return what a miner hears that begins to read again."""
    data = b""
    for _ in range(64):
        data += wire.received()
        if isinstance(wire, NativeWire):
            wire.send(b"")  # a turn of the engine
    return [json.loads(line) for line in data.splitlines()]


def test_who_reads_nothing_is_dropped_at_a_few_jobs_and_counted() -> None:
    hall = a_hall()
    wire = hall.connect().work()
    wire.hear()
    stop_reading(wire)

    jobs = 0
    while not wire.miner.outbox.fell_behind:
        post(hall, 10 + jobs)
        jobs += 1
        assert jobs < 6

    assert jobs > 2
    if isinstance(wire, NativeWire):
        wire.send(b"")
        assert hall.connections.slow_readers == 1


@pytest.mark.parametrize("largest", [0, 4000, 264_000, 1 << 20])
@pytest.mark.parametrize("miners", [0, 1, 128, 8192])
def test_no_connection_may_be_behind_without_end(miners: int, largest: int) -> None:
    assert unsent_limit(miners, largest) <= (1 << 24) + (1 << 26)
    assert unsent_limit(miners, largest) >= 2 * min(largest, 1 << 20)
