"""A channel of Stratum V2 as the engine has it."""

import socket

import pytest

from tests.engines import NEEDS_ENGINE


@NEEDS_ENGINE
def test_a_channel_whose_connection_is_gone_brings_no_shares() -> None:
    engine = pytest.importorskip("proxy.downstream.native.engine")
    ours, theirs = socket.socketpair()
    wire = engine.Wire(engine.Engine("hall-a"), ours.detach())
    channel = engine.Channel(wire)
    wire.hang_up()

    channel.open(1, 0, False)
    channel.close()

    theirs.close()


@NEEDS_ENGINE
def test_half_a_frame_ends_the_connection_before_it_is_sent() -> None:
    engine = pytest.importorskip("proxy.downstream.native.engine")
    ours, theirs = socket.socketpair()
    wire = engine.Wire(engine.Engine("hall-a"), ours.detach())
    wire.encrypt((bytes(32), 0), (bytes(32), 0))

    wire.write(b"\0\0\x1c\x14\0\0" + bytes(19))  # 20 were to follow

    assert theirs.recv(100) == b""
    theirs.close()
