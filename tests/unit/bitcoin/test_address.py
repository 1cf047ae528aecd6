"""Addresses of BIP 173 and BIP 350, and the old ones."""

import pytest

from protocol.bitcoin.address import AddressError, script_of_address, segwit_address
from protocol.bitcoin.network import Network

MAIN, TEST, REGTEST = Network.MAIN, Network.TEST, Network.REGTEST

# BIP 350, "Test vectors for v0-v16 native segregated witness addresses"
VALID = [
    (
        MAIN,
        "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
        "0014751e76e8199196d454941c45d1b3a323f1433bd6",
    ),
    (
        TEST,
        "tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7",
        "00201863143c14c5166804bd19203356da136c985678cd4d27a1b8c6329604903262",
    ),
    (
        MAIN,
        "bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kt5nd6y",
        (
            "5128751e76e8199196d454941c45d1b3a323f1433bd6751e76e8199196d454941c45d1b3a3"
            "23f1433bd6"
        ),
    ),
    (MAIN, "BC1SW50QGDZ25J", "6002751e"),
    (
        MAIN,
        "bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs",
        "5210751e76e8199196d454941c45d1b3a323",
    ),
    (
        TEST,
        "tb1qqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesrxh6hy",
        "0020000000c4a5cad46221b2a187905e5266362b99d5e91c6ce24d165dab93e86433",
    ),
    (
        TEST,
        "tb1pqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesf3hn0c",
        "5120000000c4a5cad46221b2a187905e5266362b99d5e91c6ce24d165dab93e86433",
    ),
    (
        MAIN,
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
        "512079be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
    ),
]

# BIP 350, "Test vectors for invalid addresses", and some of BIP 173
INVALID = [
    (MAIN, "tc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq5zuyut"),
    (MAIN, "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd"),
    (TEST, "tb1z0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqglt7rf"),
    (MAIN, "BC1S0XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ54WELL"),
    (MAIN, "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh"),
    (TEST, "tb1q0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq24jc47"),
    (MAIN, "bc1p38j9r5y49hruaue7wxjce0updqjuyyx0kh56v8s25huc6995vvpql3jow4"),
    (MAIN, "BC130XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ7ZWS8R"),
    (MAIN, "bc1pw5dgrnzv"),
    (
        MAIN,
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v8n0nx0muaewav253zgeav",
    ),
    (MAIN, "BC1QR508D6QEJXTDG4Y5R3ZARVARYV98GJ9P"),
    (TEST, "tb1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq47Zagq"),
    (
        MAIN,
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v07qwwzcrf",
    ),
    (TEST, "tb1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vpggkg4j"),
    (MAIN, "bc1gmk9yu"),
    (MAIN, ""),
    (MAIN, "bc1" + "q" * 100),
    (MAIN, "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3"),
    (MAIN, "0OIl"),
    (MAIN, "1"),
]


@pytest.mark.parametrize(("network", "address", "script"), VALID)
def test_a_valid_segwit_address_is_its_script(
    network: Network, address: str, script: str
) -> None:
    assert script_of_address(address, network).hex() == script


@pytest.mark.parametrize(("network", "address"), INVALID)
def test_an_invalid_address_is_refused(network: Network, address: str) -> None:
    with pytest.raises(AddressError):
        script_of_address(address, network)


@pytest.mark.parametrize(
    ("network", "address", "script"),
    [
        (
            MAIN,
            "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
            "76a91462e907b15cbf27d5425399ebf6f0fb50ebb88f1888ac",
        ),
        (
            MAIN,
            "1111111111111111111114oLvT2",
            "76a914" + "00" * 20 + "88ac",
        ),
        (
            MAIN,
            "3P14159f73E4gFr7JterCCQh9QjiTjiZrG",
            "a914e9c3dd0c07aac76179ebc76a6c78d4d67c6c160a87",
        ),
    ],
)
def test_an_old_address_is_its_script(
    network: Network, address: str, script: str
) -> None:
    assert script_of_address(address, network).hex() == script


def test_an_address_of_another_network_is_refused() -> None:
    with pytest.raises(AddressError, match="is not one of main"):
        script_of_address("bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080", MAIN)
    with pytest.raises(AddressError, match="version 0 is not of regtest"):
        script_of_address("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", REGTEST)


def test_a_witness_program_is_written_as_the_bips_write_it() -> None:
    program = bytes.fromhex("751e76e8199196d454941c45d1b3a323f1433bd6")

    assert segwit_address("bcrt", 0, program) == (
        "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
    )
    assert segwit_address("bc", 16, b"\x75\x1e") == "bc1sw50qgdz25j"
