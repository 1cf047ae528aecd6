"""What a bitcoin costs, as files and public pages write it."""

import contextlib
import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from protocol.prices.btc_price import MAX_PRICE, BtcPrice, read_btc_price
from protocol.prices.curve import PriceError
from protocol.units import LAST

MEMPOOL_SPACE = b'{"time":1703252411,"USD":43753,"EUR":40545,"GBP":37528}'
COINGECKO = b'{"bitcoin":{"eur":40545.5,"last_updated_at":1703252411}}'
COINBASE = b'{"data":{"amount":"40545.5","base":"BTC","currency":"EUR"}}'
BINANCE = b'{"symbol":"BTCEUR","price":"40545.50000000"}'
ISO = b'{"price": 40545.5, "time": "2023-12-22T14:40:11+01:00"}'


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (b"62345.10\n", BtcPrice(62_345.1)),
        (b"\xef\xbb\xbf 62345 EUR \n", BtcPrice(62_345.0)),
        (MEMPOOL_SPACE, BtcPrice(40_545.0, 1_703_252_411.0)),  # type: ignore[arg-type]
        (COINGECKO, BtcPrice(40_545.5, 1_703_252_411.0)),  # type: ignore[arg-type]
        (COINBASE, BtcPrice(40_545.5)),
        (BINANCE, BtcPrice(40_545.5)),
        (ISO, BtcPrice(40_545.5, 1_703_252_411.0)),  # type: ignore[arg-type]
        (b'{"ethereum": {"eur": 2000}, "bitcoin": {"eur": 40545}}', BtcPrice(40_545.0)),
        (b'{"pair": "XXBTZEUR", "price": 40545}', BtcPrice(40_545.0)),
        (b'{"product_id": "btc-eur", "price": 40545}', BtcPrice(40_545.0)),
        (b'{"EUR": 40545, "symbol": "\xe2\x82\xac"}', BtcPrice(40_545.0)),
        (b'{"EUR": 40545, "symbol": null}', BtcPrice(40_545.0)),
    ],
)
def test_a_price_is_read_as_it_is_written(data: bytes, wanted: BtcPrice) -> None:
    assert read_btc_price(data, "EUR") == wanted


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "Expected a number"),
        (b"62345.10 USD", "EUR"),
        (b"62,345.10", "no number"),
        (b"1_000", "no number"),
        (b"nan", "no number|above 0"),
        (b"inf", "above 0"),
        (b"-5", "above 0"),
        (b"0", "above 0"),
        (b"1e14", "at most"),
        (b"<html>", "no number"),
        (b"62000\n61000\n", "EUR"),
        (b'{"USD": 43753}', "neither EUR"),
        (b'{"EUR": true}', "no number"),
        (b'{"EUR": 1' + b"0" * 400 + b"}", "at most"),
        (b'{"EUR": null}', "no number"),
        (b'{"EUR": 40545, "time": "noon"}', "a time that is none"),
        (b'{"EUR": 40545, "time": "2023-12-22T14:40:11"}', "no offset"),
        (BINANCE.replace(b"EUR", b"USD"), "a price in BTCUSD"),
        (COINBASE.replace(b"EUR", b"USD"), "a price in USD"),
        (b'{"EUR": 40545, "time": true}', "a time that is none"),
        (MEMPOOL_SPACE.replace(b"11,", b"11000,"), "out of range"),
        (ISO.replace(b"2023-12-22T14:40:11+01", b"0001-01-01T00:00:00+23"), "range"),
        (ISO.replace(b"2023-12-22T14:40:11+", b"9999-12-31T23:59:59-"), "out of range"),
        (BINANCE.replace(b"BTC", b"ETH"), "of 'ETHEUR': Expected BTC"),
        (BINANCE.replace(b"BTC", b"BTCUSDT"), "of 'BTCUSDTEUR'"),
        (COINBASE.replace(b"BTC", b"ETH"), "of 'ETH'"),
        (COINBASE.replace(b"BTC", b"EUR"), "of 'EUR'"),
        (COINGECKO.replace(b"bitcoin", b"bitcoin-cash"), "of 'bitcoin-cash'"),
        (b'{"coin": "ETH", "data": {"EUR": 2000}}', "of 'ETH'"),
        (b'{"EUR": 2000, "symbol": "ETH"}', "of 'ETH'"),
        (MEMPOOL_SPACE[:-20], "no price of a bitcoin"),
        (b"[" * 20_000, "no price|no number"),
        (b'{"a":' * 5_000, "no price"),
        (b" " * 70_000, "longer than"),
        (b"\xff\xfe6", "no price"),
    ],
)
def test_what_is_no_price_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(PriceError, match=why):
        read_btc_price(data, "EUR")


@given(
    st.binary(max_size=60)
    | st.tuples(
        st.sampled_from([MEMPOOL_SPACE, COINGECKO, COINBASE, BINANCE, ISO]),
        st.integers(0, 70),
        st.binary(max_size=5),
    ).map(lambda d: d[0][: d[1]] + d[2] + d[0][d[1] + 1 :])
)
def test_whatever_it_says_a_price_or_a_price_error_comes_out(data: bytes) -> None:
    with contextlib.suppress(PriceError):
        assert 0 < read_btc_price(data, "EUR").value <= MAX_PRICE


TIMES = (
    st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.datetimes().map(lambda at: f"{at.isoformat()}+23:59")
    | st.datetimes().map(lambda at: f"{at.isoformat()}-23:59")
)


@given(TIMES)
def test_whenever_it_was_a_calendar_has_that_time(time: object) -> None:
    with contextlib.suppress(PriceError):
        found = read_btc_price(json.dumps({"EUR": 1, "time": time}).encode(), "EUR")
        assert found.at is not None
        assert 0 <= found.at <= LAST


@given(
    st.sampled_from(["base", "coin", "symbol", "pair"]),
    st.from_regex("[A-Z]{3,9}", fullmatch=True),
)
def test_a_document_of_another_coin_is_no_price_of_a_bitcoin(
    key: str, coin: str
) -> None:
    assume(coin not in {"BTC", "XBT", "XXBT", "BITCOIN"})
    said = json.dumps({key: f"{coin}-EUR", "price": 2_000}).encode()
    with pytest.raises(PriceError, match="Expected BTC"):
        read_btc_price(said, "EUR")
