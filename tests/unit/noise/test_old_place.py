"""Programs of others find the ends of a connection where they stood before."""

from protocol.noise import line as before
from protocol.sv2 import line


def test_the_ends_of_a_connection_are_found_at_their_old_place() -> None:
    assert before.ClientLine is line.ClientLine
    assert before.ServerLine is line.ServerLine
