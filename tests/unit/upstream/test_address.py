from pathlib import Path

import pytest

from proxy.upstream.address import (
    PoolAddress,
    PoolUrlError,
    Trust,
    followed,
    read_pool_url,
)
from tests.noise_peers import an_authority

KEY = an_authority().key
HOME = PoolAddress("eu.pool.example", 3333, tls=True)


@pytest.mark.parametrize(
    ("host", "port", "leads_to"),
    [
        ("", 0, HOME),
        ("", 4444, PoolAddress("eu.pool.example", 4444, tls=True)),
        ("us.pool.example", 0, PoolAddress("us.pool.example", 3333, tls=True)),
        ("us.pool.example", 25, PoolAddress("us.pool.example", 25, tls=True)),
        ("pool.example", 0, None),
        ("eu.thief.example", 0, None),
        ("eu.pool.example.thief.org", 0, None),
        ("10.0.0.1", 0, None),
    ],
)
def test_a_pool_may_send_us_no_further_than_its_domain(
    host: str, port: int, leads_to: PoolAddress | None
) -> None:
    assert followed(HOME, host, port) == leads_to


@pytest.mark.parametrize("home", ["10.0.0.1", "2001:db8::1", "pool.example", "pool"])
def test_a_number_and_a_bare_domain_have_no_siblings(home: str) -> None:
    address = PoolAddress(home, 3333, tls=False)

    assert followed(address, "11.0.0.1", 0) is None
    assert followed(address, "other.example", 0) is None
    assert followed(address, home, 4444) == PoolAddress(home, 4444, tls=False)


@pytest.mark.parametrize("text", [None, "", "no certificate here"])
def test_authorities_that_cannot_be_read_stop_the_start(
    text: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "ca.pem"
    if text is not None:
        path.write_text(text)

    with pytest.raises(PoolUrlError, match=r"ca\.pem"):
        Trust.of(None, path)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("stratum2+tcp://pool.example:3333/key", "authority key: 'k|wrong checksum"),
        (f"stratum2+tcp://pool.example/{KEY.text}", "port"),
        ("http://pool.example:80", "expected"),
        ("stratum+tcp://pool.example", "port"),
        ("stratum+tcp://pool.example:99999", "99999|range"),
    ],
)
def test_a_url_that_cannot_be_used_is_named(url: str, why: str) -> None:
    with pytest.raises(PoolUrlError, match=why):
        read_pool_url(url)


@pytest.mark.parametrize("text", [KEY.text, KEY.bare_text])
def test_a_url_of_the_newer_version_names_its_authority(text: str) -> None:
    found = read_pool_url(f"stratum2+tcp://pool.example:3336/{text}")

    assert found == PoolAddress(
        "pool.example", 3336, tls=False, sv2=True, authority=KEY
    )


def test_where_an_authority_vouches_any_host_may_be_followed() -> None:
    home = PoolAddress("pool.example", 3336, tls=False, sv2=True, authority=KEY)

    found = followed(home, "10.9.8.7", 4444)

    assert found == PoolAddress("10.9.8.7", 4444, tls=False, sv2=True, authority=KEY)
    assert followed(home, "", 0) == home
