"""A short token is a doubt, and refused where strangers can reach it."""

import pytest

from proxy.config.tokens import SHORT_BYTES, is_sheltered, is_short


def test_a_token_of_sixteen_bytes_is_long_enough() -> None:
    assert is_short("x" * (SHORT_BYTES - 1))
    assert not is_short("x" * SHORT_BYTES)
    assert not is_short("\u00e9" * (SHORT_BYTES // 2))


@pytest.mark.parametrize(
    ("listen", "is_safe"),
    [
        ("tcp:8443:interface=127.0.0.1", True),
        ("tcp:8443:interface=10.0.0.5", True),
        ("ssl:8443:certKey=a:privateKey=b:interface=192.168.1.1", True),
        (r"tcp6:8443:interface=\:\:1", True),
        (r"tcp6:8443:interface=fd00\:\:5", True),
        ("tcp:8443:interface=localhost", True),
        ("unix:state/orders.sock", True),
        ("tcp:8443", False),
        ("tcp:8443:interface=0.0.0.0", False),
        (r"tcp6:8443:interface=\:\:", False),
        ("tcp:8443:interface=8.8.8.8", False),
        ("tcp:8443:interface=gateway.example", False),
    ],
)
def test_an_endpoint_is_sheltered_on_a_loopback_or_private_address_alone(
    listen: str, *, is_safe: bool
) -> None:
    assert is_sheltered(listen) is is_safe
