"""A channel of Stratum V2 as the engine has it."""

import socket

import pytest

from proxy.runtime.outbox import unsent_limit
from tests.engines import NEEDS_ENGINE


@NEEDS_ENGINE
def test_a_channel_whose_connection_is_gone_brings_no_shares() -> None:
    engine = pytest.importorskip("proxy.engine.engine")
    ours, theirs = socket.socketpair()
    wire = engine.Wire(engine.Engine("hall-a"), ours.detach())
    channel = engine.Channel(wire)
    wire.hang_up()

    channel.open(1, 0, False)
    channel.close()

    theirs.close()


@NEEDS_ENGINE
def test_half_a_frame_ends_the_connection_before_it_is_sent() -> None:
    engine = pytest.importorskip("proxy.engine.engine")
    ours, theirs = socket.socketpair()
    wire = engine.Wire(engine.Engine("hall-a"), ours.detach())
    wire.encrypt((bytes(32), 0), (bytes(32), 0))

    wire.write(b"\0\0\x1c\x14\0\0" + bytes(19))  # 20 were to follow

    assert theirs.recv(100) == b""
    theirs.close()


@NEEDS_ENGINE
@pytest.mark.parametrize(
    ("channels", "most"), [(0, 1 << 16), (3, 3 << 16), (300, 1 << 24)]
)
def test_a_connection_may_be_as_far_behind_as_its_miners_are_many(
    channels: int, most: int
) -> None:
    engine = pytest.importorskip("proxy.engine.engine")
    site, (ours, theirs) = engine.Engine("hall-a"), socket.socketpair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    wire = engine.Wire(site, ours.detach())
    wire.encrypt((bytes(32), 0), (bytes(32), 0))
    wire.belongs_to("the miner")
    open_ones = [engine.Channel(wire) for _ in range(channels)]
    for number, channel in enumerate(open_ones):
        channel.open(number, 0, False)
    frame = b"\0\0\x1c" + (1600).to_bytes(3, "little") + bytes(1600)

    frames, sealed = 0, len(frame) + 32  # a MAC for its header, one for the rest
    with theirs:  # which reads nothing
        while not site.lost():
            wire.write(frame)
            frames += 1

    assert wire.fell_behind
    besides = 2 * len(frame) * max(channels, 1)
    assert unsent_limit(channels, 0) == most
    assert unsent_limit(channels, len(frame)) == most + besides
    most += besides
    assert most - sealed < frames * sealed < 1.1 * most + 16 * sealed
