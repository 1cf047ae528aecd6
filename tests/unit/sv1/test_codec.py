"""Lines that a server writes."""

import json
from typing import Any

import pytest

from protocol.sv1.codec import difficulty_line
from protocol.units import Difficulty


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
