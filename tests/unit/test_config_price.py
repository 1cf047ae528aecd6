"""What is wrong with a price signal is said with its key."""

from pathlib import Path

import pytest

from proxy.config import load_config
from proxy.config.fault import ConfigError
from proxy.power.link.setup import config_of, setup_of
from proxy.signals.price_build import document_of
from proxy.signals.price_document import FileDocument, WebDocument

HEAD = """
[[pools]]
name = "main"
url = "stratum+tcp://pool.example:3333"
user = "a"
[[sites]]
name = "hall-a"
listen = ["tcp:3333"]
sources = ["main"]
[sites.power]
budget_w = 1000
fail_safe_w = 100
[[sites.power.signals]]
kind = "price"
"""
NODE = """
[[nodes]]
name = "core"
rpc = "http://127.0.0.1:8332"
user = "u"
password = "p"
"""
GOOD = (
    HEAD
    + """
format = "csv"
source = "prices.csv"
units = "ct/kWh"
currency = "EUR"
hashprice = 45.0
time_zone = "Europe/Berlin"
adders = [{ per_mwh = 12.5 }, { per_mwh = 30, start = 07:00:00, end = 21:00:00 }]
"""
)


def load(folder: Path, text: str) -> object:
    path = folder / "c.toml"
    path.write_text(text)
    return load_config(path)


def test_a_price_reads_its_file_beside_the_configuration(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text(GOOD)

    (signal,) = load_config(path).sites[0].power.signals  # type: ignore[union-attr]

    assert signal.document == str(tmp_path / "prices.csv")
    assert signal.source == "price"
    assert isinstance(document_of(str(signal.document), None), FileDocument)
    assert isinstance(document_of("https://a/b", None), WebDocument)


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ('source = "prices.csv"\n', "", "needs source - at `$.sites[0]"),
        ("prices.csv", "ftp://a/b", "http or https"),
        ("prices.csv", "http://h:notaport/x", "Port could not be cast"),
        ("prices.csv", "http://h:70000/x", "Port out of range"),
        ("prices.csv", "http://[::1/x", "Not an address: "),
        ("prices.csv", "http://:80/x", "no host"),
        (
            '"csv"',
            '"order"',
            "Expected one of csv, json, entsoe-a44, openadr3, got 'order'",
        ),
        ('format = "csv"\n', "", "Expected one of csv, json, entsoe-a44, openadr3"),
        ('units = "ct/kWh"\n', "", "Expected what a price is of, MWh, kWh, ct/kWh"),
        ('"ct/kWh"', '"kW"', "Expected one of MWh, kWh, ct/kWh, got 'kW'"),
        ('"csv"', '"entsoe-a44"', "The document says itself"),
        ("hashprice = 45.0\n", "", "Expected hashprice or btc_price"),
        ("hashprice = 45.0", "hashprice = 0", "> 0"),
        ("hashprice = 45.0", 'btc_price = "b"', "Needs a node, of [[nodes]]"),
        ("hashprice = 45.0", 'btc_price = "ftp://b"', "[0].btc_price`"),
        (
            'currency = "EUR"\nhashprice = 45.0',
            'btc_price = "b"',
            "Needed beside btc_price: of a bitcoin too",
        ),
        ("Europe/Berlin", "Europe/Bielefeld", "No time zone is called"),
        (", end = 21:00:00", "", "start and end, or neither"),
        ('"EUR"', '"euro"', "at `$.sites[0].power.signals[0].currency`"),
        ("hashprice", "hash_price", "did you mean 'hashprice'"),
        ('kind = "price"', 'kind = "modbus"\nlisten = "tcp:1"', "(one of"),
    ],
)
def test_a_fault_is_said(tmp_path: Path, old: str, new: str, wanted: str) -> None:
    assert old in GOOD
    node = NODE if wanted.startswith("Needed beside") else ""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, node + GOOD.replace(old, new, 1))

    assert wanted in str(caught.value)


def test_a_hashprice_may_be_of_the_first_node(tmp_path: Path) -> None:
    text = GOOD.replace("hashprice = 45.0", 'btc_price = "btc.txt"')
    path = tmp_path / "c.toml"
    path.write_text(f"{NODE}{NODE.replace('core', 'other')}{text}")
    config = load_config(path)

    sent = config_of(setup_of(config))

    (signal,) = sent.sites[0].power.signals  # type: ignore[union-attr]
    assert signal.btc_price == str(tmp_path / "btc.txt")
    assert [one.name for one in sent.nodes] == ["core"]
    path.write_text(f"{NODE}{GOOD}")
    assert not config_of(setup_of(load_config(path))).nodes


def test_a_site_has_one_price(tmp_path: Path) -> None:
    another = GOOD.partition("[[sites.power.signals]]")[2]
    text = f'{GOOD}[[sites.power.signals]]\nname = "two"\n{another}'

    with pytest.raises(ConfigError, match="one price at the most"):
        load(tmp_path, text)


def test_prices_of_a_utility_are_of_a_signal_that_is_there(tmp_path: Path) -> None:
    text = HEAD + 'format = "openadr3"\nsource = "utility"\nhashprice = 45.0\n'
    with pytest.raises(ConfigError, match="No signal of kind 'openadr3' is called"):
        load(tmp_path, text)
