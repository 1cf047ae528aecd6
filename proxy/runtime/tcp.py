"""What each connection may cost the kernel, and how long a dead one stays."""

import socket
from typing import Any

from attrs import frozen

SEND_BUFFER_BYTES = 1 << 16
"""Of which Linux makes 128 KiB, its own overhead included: a job of 20 kB and answers.

Left to itself the kernel grows it to 4 MB (net.ipv4.tcp_wmem) for a peer that asks much
and reads nothing. What does not fit waits with us, and has a limit: `runtime.outbox`.
"""

RECEIVE_BUFFER_BYTES = 1 << 16
"""Twice that, too: 600 shares of one miner, more than a turn takes up. It would grow
to 6 MB (net.ipv4.tcp_rmem) for a peer that sends faster than it is served."""

USER_TIMEOUT_S = 120
"""Without a byte acknowledged for so long a connection is gone, also where the peer
keeps its window shut. Firmware gives up on a pool after 60 to 120 s without a job."""

KEEP_ALIVE_AFTER_S = 60
KEEP_ALIVE_EVERY_S = 20
"""A peer that is silent is asked whether it lives: Linux begins after two hours."""


@frozen
class Silence:
    """How soon a peer that is gone without a word is let go, seconds.

    Attributes:
        user_timeout_s: Without a byte acknowledged.
        asked_after_s: Silent for so long, it is asked whether it lives.
        asked_every_s: Between such questions.
    """

    user_timeout_s: int = USER_TIMEOUT_S
    asked_after_s: int = KEEP_ALIVE_AFTER_S
    asked_every_s: int = KEEP_ALIVE_EVERY_S


OF_MINERS = Silence()

OF_SIGNALS = Silence(10, 5, 5)
"""A third of the usual lease: whoever is gone makes room for who comes instead."""


def bound_connections(listening: socket.socket, silence: Silence = OF_MINERS) -> None:
    """Set limits for the connections that a listening socket of TCP accepts.

    They inherit them, on Linux: one call here is none for each connection.
    """
    # Unix sockets are for operators, and have none of these.
    if listening.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    tcp = socket.IPPROTO_TCP
    options = [
        (socket.SOL_SOCKET, "SO_SNDBUF", SEND_BUFFER_BYTES),
        (socket.SOL_SOCKET, "SO_RCVBUF", RECEIVE_BUFFER_BYTES),
        (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
        (tcp, "TCP_NODELAY", 1),  # a job held back by Nagle is hashrate lost
        (tcp, "TCP_USER_TIMEOUT", 1000 * silence.user_timeout_s),
        (tcp, "TCP_KEEPIDLE", silence.asked_after_s),
        (tcp, "TCP_KEEPINTVL", silence.asked_every_s),
    ]
    for level, name, value in options:
        if hasattr(socket, name):  # macOS lacks some
            listening.setsockopt(level, getattr(socket, name), value)


def bound_port(port: Any) -> None:
    """Set the same for a signal's port, as Twisted has it: a peer may go unseen."""
    listening = getattr(port, "socket", None)
    if listening is not None:
        bound_connections(listening, OF_SIGNALS)
