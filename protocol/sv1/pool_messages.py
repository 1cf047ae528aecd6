"""What a pool tells us in parameters and results, read and checked.

Whatever a pool sends is bounded here; what is not as it should be raises
MalformedMessageError, which costs the connection to that pool and nothing else.
"""

import math
from functools import lru_cache
from typing import Annotated

import msgspec
from msgspec import Meta, Raw

from protocol.bitcoin.target import target_from_nbits
from protocol.errors import MalformedMessageError
from protocol.hosts import is_host
from protocol.sv1.codec import swap_words
from protocol.sv1.messages import read_u32
from protocol.sv1.pool_lines import decoder, read_part
from protocol.units import Difficulty, Seconds
from protocol.work.job import check_coinbase

# Pools use 4 to 8. job.py takes these off what V2 can carry of a coinbase.
MAX_EXTRANONCE1_BYTES = 32
MAX_EXTRANONCE2_BYTES = 16
MAX_BRANCH = 32
"""ESP-Miner refuses more; 2**32 transactions do not fit a block."""

MAX_JOB_ID_CHARS = 128
# Its target is still some 2e37, so that no division ends at 0.
MAX_DIFFICULTY = 1e30


class Notify(msgspec.Struct, frozen=True):
    """mining.notify, decoded.

    Attributes:
        prev_hash: 32 B, internal order.
        merkle_branch: 32 B each, internal order.
        block_target: Of `nbits`.
    """

    source_job: str
    prev_hash: bytes
    coinb1: bytes
    coinb2: bytes
    merkle_branch: tuple[bytes, ...]
    version: int
    nbits: int
    ntime: int
    clean: bool
    block_target: int


class Extranonce(msgspec.Struct, frozen=True):
    """The pool's bytes of the extranonce and how many it leaves to us."""

    extranonce1: bytes
    extranonce2_size: int


class Reconnect(msgspec.Struct, frozen=True):
    """client.reconnect; None stands for what we know already."""

    host: str | None
    port: int | None
    wait: Seconds


_Hash = Annotated[str, Meta(min_length=64, max_length=64)]
_YES = frozenset((b"true", b"1"))
"""What pools write for clean_jobs; anything else is no, as it is to cgminer."""


class _NotifyParams(msgspec.Struct, array_like=True):
    source_job: Annotated[str, Meta(max_length=MAX_JOB_ID_CHARS)]
    prev_hash: _Hash
    coinb1: str
    coinb2: str
    merkle_branch: Annotated[list[_Hash], Meta(max_length=MAX_BRANCH)] | None
    version: str
    nbits: str
    ntime: str
    clean: Raw = Raw(b"false")


class _DifficultyParams(msgspec.Struct, array_like=True):
    difficulty: float


class _ExtranonceParams(msgspec.Struct, array_like=True):
    extranonce1: Annotated[str, Meta(max_length=2 * MAX_EXTRANONCE1_BYTES)]
    extranonce2_size: Annotated[int, Meta(ge=0, le=MAX_EXTRANONCE2_BYTES)]


class _Subscription(msgspec.Struct, array_like=True):
    subscriptions: Raw  # nested, flat, empty: nobody needs it
    extranonce1: Annotated[str, Meta(max_length=2 * MAX_EXTRANONCE1_BYTES)]
    extranonce2_size: Annotated[int, Meta(ge=0, le=MAX_EXTRANONCE2_BYTES)]


class _TextParams(msgspec.Struct, array_like=True):
    text: str = ""


class _ReconnectParams(msgspec.Struct, array_like=True):
    host: str | None = None
    port: int | str | None = None
    wait: int | float | str | None = None


class _Configured(
    msgspec.Struct,
    rename={"version_rolling": "version-rolling", "mask": "version-rolling.mask"},
):
    version_rolling: bool | str | None = False
    mask: str | None = None


_notifies = decoder(_NotifyParams)
_difficulties = decoder(_DifficultyParams)
_extranonces = decoder(_ExtranonceParams)
_subscriptions = decoder(_Subscription)
_texts = decoder(_TextParams)
_reconnects = decoder(_ReconnectParams)
_configurations = decoder(_Configured)


def read_notify(params: Raw) -> Notify:
    """Return the job in the parameters of mining.notify.

    As cgminer does, it takes anything for clean_jobs, and null for an empty branch.

    Raises:
        MalformedMessageError: It is none, or too large.
    """
    return _read_notify(bytes(params))


# A pool sends a job to each of our connections in the same words, and what is read once
# is held once, too. A line is 1 MiB at most, so this holds 10 MiB.
@lru_cache(maxsize=8)
def _read_notify(params: bytes) -> Notify:
    found = read_part(_notifies, params, "mining.notify")
    try:
        nbits = read_u32(found.nbits)
        branch = found.merkle_branch or ()
        coinb1, coinb2 = _unhex(found.coinb1), _unhex(found.coinb2)
        check_coinbase(coinb1, coinb2)
        return Notify(
            source_job=found.source_job,
            # Stratum turns the bytes of each word: swapping twice is the header's
            # order.
            prev_hash=swap_words(_unhex(found.prev_hash)),
            coinb1=coinb1,
            coinb2=coinb2,
            merkle_branch=tuple(_unhex(sibling) for sibling in branch),
            version=read_u32(found.version),
            nbits=nbits,
            ntime=read_u32(found.ntime),
            clean=bytes(found.clean) in _YES,
            block_target=target_from_nbits(nbits),
        )
    except ValueError as error:
        raise MalformedMessageError(f"mining.notify: {error}") from error


def read_difficulty(params: Raw) -> Difficulty:
    """Return the difficulty in the parameters of mining.set_difficulty.

    Raises:
        MalformedMessageError: It is not a number above 0 and at most 1e30.
    """
    difficulty = read_part(_difficulties, params, "mining.set_difficulty").difficulty
    if not (math.isfinite(difficulty) and 0 < difficulty <= MAX_DIFFICULTY):
        raise MalformedMessageError(f"difficulty {difficulty!r} not in 0..1e30")
    return Difficulty(difficulty)


def read_extranonce(params: Raw) -> Extranonce:
    """Return what mining.set_extranonce sets.

    Raises:
        MalformedMessageError: Not hex, or sizes out of range.
    """
    found = read_part(_extranonces, params, "mining.set_extranonce")
    return _extranonce(found.extranonce1, found.extranonce2_size)


def read_subscription(result: Raw) -> Extranonce:
    """Return what the answer to mining.subscribe gives us.

    Raises:
        MalformedMessageError: Not hex, or sizes out of range.
    """
    found = read_part(_subscriptions, result, "subscription")
    return _extranonce(found.extranonce1, found.extranonce2_size)


def read_configured(result: Raw, requested: int) -> int:
    """Return the version bits that the answer to mining.configure lets us roll.

    0 if the pool knows no version rolling. Source: BIP 310.

    Raises:
        MalformedMessageError: The mask is no hex number of 32 bits.
    """
    # BIP 310 answers with a map: what else comes agrees to nothing.
    if bytes(result)[:1] != b"{":
        return 0
    found = read_part(_configurations, result, "mining.configure")
    # BIP 310 allows a text in place of false: why it is refused.
    if found.version_rolling is not True:
        return 0
    return requested if found.mask is None else requested & _mask(found.mask)


def read_mask(params: Raw) -> int:
    """Return the mask in the parameters of mining.set_version_mask (BIP 310).

    Raises:
        MalformedMessageError: It is no hex number of 32 bits.
    """
    return _mask(read_part(_texts, params, "mining.set_version_mask").text)


def read_reconnect(params: Raw) -> Reconnect:
    """Return what client.reconnect asks for.

    Raises:
        MalformedMessageError: The port or the time is no number in range.
    """
    found = read_part(_reconnects, params, "client.reconnect")
    try:
        # Pools send the port as a number or as text, and leave out what shall stay.
        port, wait = int(found.port or 0), float(found.wait or 0)
    except (ValueError, OverflowError) as error:
        raise MalformedMessageError(f"client.reconnect: {error}") from error
    host = found.host or None
    if not (0 <= port <= 65535 and 0 <= wait < math.inf):  # noqa: PLR2004
        raise MalformedMessageError(f"client.reconnect to port {port} in {wait} s")
    if host is not None and not is_host(host):
        raise MalformedMessageError(f"client.reconnect to {host[:64]!r}")
    return Reconnect(host, port or None, Seconds(wait))


def _extranonce(extranonce1: str, extranonce2_size: int) -> Extranonce:
    try:
        return Extranonce(_unhex(extranonce1), extranonce2_size)
    except ValueError as error:
        raise MalformedMessageError(f"extranonce1: {error}") from error


def _mask(text: str) -> int:
    try:
        return read_u32(text)
    except ValueError as error:
        raise MalformedMessageError(f"version mask: {error}") from error


def _unhex(text: str) -> bytes:
    data = bytes.fromhex(text)
    if 2 * len(data) != len(text):  # fromhex() skips spaces
        raise ValueError("blanks in a hex number")
    return data
