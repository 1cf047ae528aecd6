"""Lines that a server writes."""

import json
from typing import Any

import pytest

from protocol.sv1.codec import difficulty_line, notify_line
from protocol.units import Difficulty, JobId
from tests.builders import a_job, a_work


@pytest.mark.parametrize(
    ("difficulty", "text"),
    [
        (Difficulty(65536), "65536"),  # an int: Python 3.11 gives it no is_integer
        (Difficulty(65536.0), "65536"),
        (Difficulty(65536.5), "65536.5"),
        (Difficulty(1e12), "1000000000000"),
        (Difficulty(1e-9), "1e-9"),
    ],
)
def test_a_whole_difficulty_is_written_without_a_point(
    difficulty: Difficulty, text: str
) -> None:
    line = difficulty_line(difficulty)

    assert line.endswith(b'"params":[%b]}\n' % text.encode())
    message: Any = json.loads(line)
    assert message["method"] == "mining.set_difficulty"


def test_a_job_is_written_as_the_protocol_has_it() -> None:
    work = a_work(
        prev_hash=bytes(range(32)),
        coinb2=b"\2\3",
        merkle_branch=(b"\4" * 32, b"\5" * 32),
        version=0x20000000,
        nbits=0x1703A30C,
    )
    job = a_job(id=JobId("a1"), work=work, coinb1=b"\1", ntime=0x6553F100, clean=True)

    assert json.loads(notify_line(job)) == {
        "id": None,
        "method": "mining.notify",
        "params": [
            "a1",
            "03020100070605040b0a09080f0e0d0c13121110171615141b1a19181f1e1d1c",
            "01",
            "0203",
            ["04" * 32, "05" * 32],
            "20000000",
            "1703a30c",
            "6553f100",
            True,
        ],
    }
