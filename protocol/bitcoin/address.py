"""Addresses as people write them, and the scripts that they stand for."""

from protocol.bitcoin import bech32
from protocol.bitcoin.base58 import decode_check
from protocol.bitcoin.network import ADDRESS_FORMS, Network

_MAX_ADDRESS_CHARS = 90  # the longest that BIP 173 allows; base58 ones have 35

_HASH160_BYTES = 20
_MAX_WITNESS_VERSION = 16
_MIN_PROGRAM_BYTES, _MAX_PROGRAM_BYTES = 2, 40
_V0_PROGRAM_BYTES = (20, 32)


class AddressError(ValueError):
    """A text that is no address of the network; the message says why."""


def script_of_address(address: str, network: Network) -> bytes:
    """Return the scriptPubKey that pays to `address`.

    Takes base58check (P2PKH, P2SH), bech32 (witness version 0) and bech32m
    (versions 1 to 16, taproot among them). Source: BIP 173, BIP 350.

    Raises:
        AddressError: It is no address, or one of another network.
    """
    if not 0 < len(address) <= _MAX_ADDRESS_CHARS:
        raise AddressError(f"address of {len(address)} characters")
    hrp = ADDRESS_FORMS[network].hrp
    if address.lower().startswith(f"{hrp}1"):
        return _segwit_script(address, hrp)
    # Another network's segwit address, not a misspelled base58 one: the message says
    # so.
    if "1" in address and address.lower().partition("1")[0] in _hrps():
        raise AddressError(f"address {address} is not one of {network}")
    return _base58_script(address, network)


def segwit_address(hrp: str, version: int, program: bytes) -> str:
    """Return the address of a witness program; the reverse of decoding one.

    Args:
        hrp: The network's human-readable part, lower case.
        version: Witness version, 0 to 16.
        program: 2 to 40 B.
    """
    code = bech32.Checksum.BECH32M if version else bech32.Checksum.BECH32
    return bech32.encode(hrp, [version, *bech32.regroup(program, 8, 5, pad=True)], code)


def _hrps() -> set[str]:
    return {forms.hrp for forms in ADDRESS_FORMS.values()}


def _segwit_script(address: str, hrp: str) -> bytes:
    try:
        found, values, code = bech32.decode(address)
        program = bytes(bech32.regroup(values[1:], 5, 8, pad=False))
    except ValueError as error:
        raise AddressError(f"address {address}: {error}") from error
    if found != hrp or not values:
        raise AddressError(f"address {address} is not one of {hrp}")
    version = values[0]
    if why := _program_fault(version, program, code):
        raise AddressError(f"address {address}: {why}")
    # OP_1 is 0x51 and OP_0 is 0 (BIP 141).
    opcode = version + 0x50 if version else 0
    return bytes((opcode, len(program))) + program


def _program_fault(version: int, program: bytes, code: bech32.Checksum) -> str:
    wanted = bech32.Checksum.BECH32M if version else bech32.Checksum.BECH32
    if version > _MAX_WITNESS_VERSION:
        return f"witness version {version} > {_MAX_WITNESS_VERSION}"
    if code is not wanted:
        return f"{code.name.lower()}, witness version {version} needs the other code"
    if not _MIN_PROGRAM_BYTES <= len(program) <= _MAX_PROGRAM_BYTES:
        return f"witness program of {len(program)} B"
    if version == 0 and len(program) not in _V0_PROGRAM_BYTES:
        return f"version 0 program of {len(program)} B, not 20 or 32"
    return ""


def _base58_script(address: str, network: Network) -> bytes:
    payload = _base58check(address)
    forms = ADDRESS_FORMS[network]
    version, digest = payload[0], payload[1:]
    if len(digest) != _HASH160_BYTES:
        raise AddressError(f"address {address}: hash of {len(digest)} B, not 20")
    if version == forms.pubkey_hash:
        return b"\x76\xa9\x14" + digest + b"\x88\xac"
    if version == forms.script_hash:
        return b"\xa9\x14" + digest + b"\x87"
    raise AddressError(f"address {address}: version {version} is not of {network}")


def _base58check(text: str) -> bytes:
    try:
        return decode_check(text)
    except ValueError as error:
        raise AddressError(f"address {text}: {error}") from error
