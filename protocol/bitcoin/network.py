"""The Bitcoin networks and what tells their addresses apart."""

from enum import StrEnum

from attrs import frozen


class Network(StrEnum):
    """A network, by the name that getblockchaininfo gives as `chain`."""

    MAIN = "main"
    TEST = "test"
    TESTNET4 = "testnet4"
    SIGNET = "signet"
    REGTEST = "regtest"


@frozen
class AddressForms:
    """How a network writes addresses.

    Attributes:
        hrp: Human-readable part of segwit addresses (BIP 173).
        pubkey_hash: Version byte of P2PKH in base58check.
        script_hash: Version byte of P2SH in base58check.
    """

    hrp: str
    pubkey_hash: int
    script_hash: int


_TEST_FORMS = AddressForms(hrp="tb", pubkey_hash=111, script_hash=196)

ADDRESS_FORMS = {
    Network.MAIN: AddressForms(hrp="bc", pubkey_hash=0, script_hash=5),
    Network.TEST: _TEST_FORMS,
    Network.TESTNET4: _TEST_FORMS,
    Network.SIGNET: _TEST_FORMS,
    Network.REGTEST: AddressForms(hrp="bcrt", pubkey_hash=111, script_hash=196),
}
"""Source: Bitcoin Core, kernel/chainparams.cpp."""

GENESIS_NBITS = {
    Network.MAIN: 0x1D00FFFF,
    Network.TEST: 0x1D00FFFF,
    Network.TESTNET4: 0x1D00FFFF,
    Network.SIGNET: 0x1E0377AE,
    Network.REGTEST: 0x207FFFFF,
}
"""The easiest target of each network, in compact form."""
