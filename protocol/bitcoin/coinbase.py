"""Coinbase transactions: built around a hole for the extranonce, and read back."""

from attrs import frozen

from protocol.bitcoin.serialize import MAX_DIRECT_PUSH, compact_size, push, with_length

MAX_SCRIPT_SIG_BYTES = 100
"""Consensus: a coinbase's scriptSig has 2 to 100 bytes."""

_VERSION = (2).to_bytes(4, "little")
_NULL_PREVOUT = bytes(32) + b"\xff" * 4
_INPUT_START = b"\x01" + _NULL_PREVOUT
_SEQUENCE = (0xFFFFFFFE).to_bytes(4, "little")  # not final: the lock time counts
_OP_1 = 0x51
_MAX_SMALL_HEIGHT = 16
_MAX_HEIGHT_BYTES = 5
_WITNESS = b"\x01\x20" + bytes(32)  # one item: the reserved value of BIP 141


@frozen
class Output:
    """An output of a transaction.

    Attributes:
        value: Satoshis.
        script: The scriptPubKey.
    """

    value: int
    script: bytes

    @property
    def packed(self) -> bytes:
        """As it stands in a transaction."""
        return self.value.to_bytes(8, "little") + with_length(self.script)


@frozen
class Payout:
    """Where a coinbase's money goes, and what it says about us.

    Attributes:
        script: scriptPubKey that gets all that `extra_outputs` leave.
        extra_outputs: Fixed amounts to others.
        tag: Text in the scriptSig for whoever reads the chain; may be empty.
    """

    script: bytes
    extra_outputs: tuple[Output, ...] = ()
    tag: bytes = b"/Baseload/"

    def outputs(self, total: int) -> tuple[Output, ...]:
        """Return the outputs that spend `total` satoshis.

        Raises:
            ValueError: The extra outputs alone are more than `total`.
        """
        rest = total - sum(output.value for output in self.extra_outputs)
        if rest < 0:
            raise ValueError(f"extra outputs are {-rest} sat more than {total}")
        # The first output stays even if nothing is left for it: one of 0 is valid.
        return (Output(rest, self.script), *self.extra_outputs)


def height_push(height: int) -> bytes:
    """Return the script that pushes `height` exactly as Core's CScript does.

    1 to 16 are one opcode; others are little-endian with a sign bit of 0.
    Source: BIP 34; Bitcoin Core, CScript::push_int64.

    Raises:
        ValueError: `height` is below 1: the genesis block has no push.
    """
    if height < 1:
        raise ValueError(f"height {height} < 1")
    if height <= _MAX_SMALL_HEIGHT:
        return bytes((_OP_1 + height - 1,))
    # One bit more than the number has: the top one is the sign, so 128 takes 2 B.
    return push(height.to_bytes(height.bit_length() // 8 + 1, "little"))


def split_coinbase(
    height: int,
    outputs: tuple[Output, ...],
    *,
    commitment: bytes | None,
    tag: bytes,
    extranonce_bytes: int,
) -> tuple[bytes, bytes]:
    """Return a coinbase, without witness, as what stands around its extranonce.

    Its nSequence and nLockTime (`height` - 1) are those of Core's own templates,
    which make it unique for ever (BIP 54).

    Args:
        height: Of the block, from 1.
        outputs: Whom it pays.
        commitment: scriptPubKey of the witness commitment, which goes last (BIP
            141: the last one counts); None in a block without segwit.
        tag: Pushed after the height; empty for none.
        extranonce_bytes: Size of the hole, 1 to 75.

    Raises:
        ValueError: The scriptSig would be longer than 100 B, or the hole too big.
    """
    if not 1 <= extranonce_bytes <= MAX_DIRECT_PUSH:
        raise ValueError(f"extranonce of {extranonce_bytes} B, not 1 to 75")
    # The height first: BIP 34 demands it at the very beginning.
    script = height_push(height) + (push(tag) if tag else b"")
    # Pushed as one item. It also lifts heights of one opcode over the 2 B that
    # consensus asks of a scriptSig.
    script += bytes((extranonce_bytes,))
    length = len(script) + extranonce_bytes
    if length > MAX_SCRIPT_SIG_BYTES:
        raise ValueError(f"scriptSig of {length} B > {MAX_SCRIPT_SIG_BYTES} B")
    if commitment is not None:
        outputs = (*outputs, Output(0, commitment))
    packed = b"".join(output.packed for output in outputs)
    coinb1 = _VERSION + _INPUT_START + compact_size(length) + script
    lock_time = (height - 1).to_bytes(4, "little")
    return coinb1, _SEQUENCE + compact_size(len(outputs)) + packed + lock_time


def with_witness(coinbase: bytes) -> bytes:
    """Return the whole coinbase, as a block holds it, from its stripped form.

    The witness is the reserved value of BIP 141: one item of 32 zeros.
    """
    version, body, lock_time = coinbase[:4], coinbase[4:-4], coinbase[-4:]
    # Marker and flag of BIP 144, behind the version.
    return version + b"\x00\x01" + body + _WITNESS + lock_time


def height_in_coinbase(coinb1: bytes) -> int | None:
    """Return the height that a coinbase's first bytes push; None if they do not.

    Args:
        coinb1: A stripped coinbase from its start, at least up to the height.
    """
    if coinb1[4:41] != _INPUT_START:
        return None
    script = coinb1[42:]  # its length is one byte: 100 at most
    if not script:
        return None
    # Up to 75 the first byte of a push is its length.
    size = script[0]
    if _OP_1 <= size < _OP_1 + _MAX_SMALL_HEIGHT:
        return size - _OP_1 + 1
    number = script[1 : 1 + size]
    # A set top bit would make it negative (BIP 34).
    if not 1 <= size <= _MAX_HEIGHT_BYTES or len(number) < size or number[-1] & 0x80:
        return None
    return int.from_bytes(number, "little")
