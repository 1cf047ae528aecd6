"""Networks that may come to a listener, and those that may not."""

import pytest

from proxy.downstream.access_list import AccessList


@pytest.mark.parametrize(
    ("allow", "deny", "address", "is_let_in"),
    [
        ([], [], "192.0.2.1", True),
        ([], ["192.0.2.0/24"], "192.0.2.1", False),
        ([], ["192.0.2.0/24"], "198.51.100.1", True),
        (["10.0.0.0/8"], [], "10.1.2.3", True),
        (["10.0.0.0/8"], [], "192.0.2.1", False),
        (["10.0.0.0/8"], ["10.1.0.0/16"], "10.1.2.3", False),
        (["10.0.0.0/8", "10.1.2.3"], ["10.1.0.0/16"], "10.1.2.3", True),
        (["10.0.0.0/8"], ["10.0.0.0/8"], "10.1.2.3", False),
        (["2001:db8::/32"], [], "2001:db8::7", True),
        (["2001:db8::/32"], [], "10.0.0.1", False),
        (["0.0.0.0/0"], [], "2001:db8::7", False),
        ([], ["0.0.0.0/0"], "local", True),
        (["0.0.0.0/0"], [], "local", False),
        (["fe80::/10"], [], "fe80::1%eth0", True),
    ],
)
def test_the_smallest_network_decides(
    allow: list[str], deny: list[str], address: str, *, is_let_in: bool
) -> None:
    refusal = AccessList.of(allow, deny).refusal(address)

    assert (not refusal) is is_let_in


def test_the_reason_names_the_network() -> None:
    access = AccessList.of([], ["192.0.2.0/24"])

    assert access.refusal("192.0.2.1") == (
        "its address is in 192.0.2.0/24, which is denied"
    )
