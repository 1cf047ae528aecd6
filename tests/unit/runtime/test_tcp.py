import socket
import sys

import pytest

from proxy.runtime import tcp

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere not handed on")


@ON_LINUX
@pytest.mark.integration
def test_what_a_port_accepts_is_bounded() -> None:
    with socket.create_server(("127.0.0.1", 0)) as port:
        tcp.bound_connections(port)
        with socket.create_connection(port.getsockname()):
            accepted, _ = port.accept()
            with accepted:
                of_any = [
                    accepted.getsockopt(socket.SOL_SOCKET, option)
                    for option in (socket.SO_SNDBUF, socket.SO_RCVBUF)
                ]
                is_on = [
                    accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
                    accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY),
                ]
                of_tcp = [
                    accepted.getsockopt(socket.IPPROTO_TCP, option)
                    for option in (
                        socket.TCP_USER_TIMEOUT,
                        socket.TCP_KEEPIDLE,
                        socket.TCP_KEEPINTVL,
                    )
                ]

    assert all(is_on)
    assert of_any == [2 * tcp.SEND_BUFFER_BYTES, 2 * tcp.RECEIVE_BUFFER_BYTES]
    assert of_tcp == [
        1000 * tcp.USER_TIMEOUT_S,
        tcp.KEEP_ALIVE_AFTER_S,
        tcp.KEEP_ALIVE_EVERY_S,
    ]


@pytest.mark.integration
def test_a_socket_that_is_not_tcps_is_left_alone() -> None:
    with socket.socket(socket.AF_UNIX) as port:
        before = port.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
        tcp.bound_connections(port)
        after = port.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)

    assert after == before
