"""A short token is a doubt, and refused where strangers can reach it."""

import pytest

from proxy.config.endpoints import Endpoint
from proxy.config.tokens import SHORT_BYTES, is_exposed, is_short


def test_a_token_of_sixteen_bytes_is_long_enough() -> None:
    assert is_short("x" * (SHORT_BYTES - 1))
    assert not is_short("x" * SHORT_BYTES)
    assert not is_short("\u00e9" * (SHORT_BYTES // 2))


@pytest.mark.parametrize(
    ("listen", "is_public"),
    [
        ("tcp:8443:interface=8.8.8.8", True),
        ("tcp:8443:8.8.8.8", True),
        (r"tcp6:8443:interface=2a00\:1450\:4001\:\:1", True),
        ("tcp:8443:interface=127.0.0.1", False),
        ("tcp:8443:10.0.0.5", False),
        ("ssl:8443:certKey=a:privateKey=b:interface=192.168.1.1", False),
        (r"tcp6:8443:interface=\:\:1", False),
        (r"tcp6:8443:interface=fd00\:\:5", False),
        ("tcp:8443", False),  # every address: which, nobody says here
        ("tcp:8443:interface=0.0.0.0", False),
        ("tcp:8443:interface=gateway.example", False),
        ("unix:state/orders.sock", False),
        ("systemd:domain=INET:name=orders", False),
    ],
)
def test_an_endpoint_is_exposed_on_a_public_address(
    listen: str, *, is_public: bool
) -> None:
    assert is_exposed(Endpoint(listen, "").interface) is is_public
