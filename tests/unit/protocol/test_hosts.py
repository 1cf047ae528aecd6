import pytest

from protocol.hosts import is_host


@pytest.mark.parametrize(
    "text",
    [
        "pool.example",
        "pool.example.",
        "p",
        "eu-1.pool.example",
        "my_pool",
        "pool_1.lan",
        "_stratum.example",
        "10.0.0.1",
        "2001:db8::1",
        "fe80::1%eth0",
        "a" * 63,
    ],
)
def test_what_can_be_looked_up_is_a_host(text: str) -> None:
    assert is_host(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "a..b",
        ".a",
        "-a",
        "a-.b",
        "a b",
        "a\nb",
        "a\n",
        "a/b",
        "é",
        "[::1]",
        "a:b",
        "::1%a\nb",
        "a" * 64,
        "a." * 127,
    ],
)
def test_what_cannot_be_looked_up_is_no_host(text: str) -> None:
    assert not is_host(text)
