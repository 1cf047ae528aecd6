import pytest

from protocol.hosts import is_host, unmapped


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


@pytest.mark.parametrize(
    ("met", "plain"),
    [
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("::ffff:a01:203", "10.1.2.3"),
        ("10.1.2.3", "10.1.2.3"),
        ("fd00::ffff:10.1.2.3", "fd00::ffff:10.1.2.3"),
        ("::ffff:pool", "::ffff:pool"),
        ("local", "local"),
    ],
)
def test_ipv4_that_came_in_by_ipv6_is_ipv4(met: str, plain: str) -> None:
    assert unmapped(met) == plain
