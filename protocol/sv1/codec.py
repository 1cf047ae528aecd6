"""Lines that a server writes to a miner."""

from functools import lru_cache
from struct import Struct

import msgspec

from protocol.sv1.messages import NO_ID
from protocol.sv1.rejects import REJECTS
from protocol.units import Difficulty
from protocol.work.job import Job
from protocol.work.share import Verdict

_encode = msgspec.json.encode


def result_line(message_id: bytes, result: object) -> bytes:
    """Return the answer `result` to the request with this id, spelled as it came.

    Here as below that is nothing for a request without an id, a notification of
    JSON-RPC: some firmware keeps its connection alive by one.
    """
    if message_id == NO_ID:
        return b""
    # All three members, always: some clients look for the key "error".
    return b'{"id":%b,"result":%b,"error":null}\n' % (message_id, _encode(result))


def error_line(message_id: bytes, code: int, text: str) -> bytes:
    """Return a refusal: always `[code, text, null]`."""
    if message_id == NO_ID:
        return b""
    return b'{"id":%b,"result":null,"error":%b}\n' % (
        message_id,
        _encode((code, text, None)),
    )


# An answer differs by its id alone: everything behind it is made once.
_VERDICT_TAILS = {
    verdict: error_line(b"?", code, text).removeprefix(b'{"id":?')
    for verdict, (code, text) in REJECTS.items()
}
_VERDICT_TAILS[Verdict.ACCEPTED] = b',"result":true,"error":null}\n'


def verdict_line(message_id: bytes, verdict: Verdict) -> bytes:
    """Return the answer to a submit."""
    if message_id == NO_ID:
        return b""
    return b'{"id":' + message_id + _VERDICT_TAILS[verdict]


@lru_cache(maxsize=256)  # all newcomers have one, and vardiff goes by powers of two
def difficulty_line(difficulty: Difficulty) -> bytes:
    """Return mining.set_difficulty; whole numbers are written as such."""
    number = float(difficulty)  # an int may pass for one: no is_integer before 3.12
    value = int(number) if number.is_integer() else number
    return notification("mining.set_difficulty", [value])


def version_mask_line(mask: int) -> bytes:
    """Return mining.set_version_mask. Source: BIP 310."""
    return notification("mining.set_version_mask", [f"{mask:08x}"])


def extranonce_line(slot: bytes, size: int) -> bytes:
    """Return mining.set_extranonce: in force from the next job on."""
    return notification("mining.set_extranonce", [slot.hex(), size])


def notify_line(job: Job) -> bytes:
    """Return mining.notify: the same bytes for every miner of the job's group."""
    work = job.work
    # Ids are hex digits: there is nothing in these strings that JSON escapes.
    return (
        b'{"id":null,"method":"mining.notify","params":["%b","%b","%b",%b,'
        b'"%08x","%08x","%08x",%b]}\n'
    ) % (
        job.id.encode(),
        _prev_hash(work.prev_hash),
        job.coinb1.hex().encode(),
        _coinb2_and_branch(work.coinb2, work.merkle_branch),
        # Eight digits each: minerd compares lengths and refuses a shorter number.
        work.version,
        work.nbits,
        job.ntime,
        b"true" if job.clean else b"false",
    )


# What is the same in the jobs of all groups, and in all revisions of a work, is spelled
# once: each holds 390 kB at the most.
@lru_cache(maxsize=8)
def _coinb2_and_branch(coinb2: bytes, merkle_branch: tuple[bytes, ...]) -> bytes:
    return b"%b,%b" % (
        _encode(coinb2.hex()),
        _encode([sibling.hex() for sibling in merkle_branch]),
    )


@lru_cache(maxsize=8)
def _prev_hash(prev_hash: bytes) -> bytes:
    return swap_words(prev_hash).hex().encode()


def notification(method: str, params: list[object]) -> bytes:
    """Return a message that expects no answer."""
    return b'{"id":null,"method":%b,"params":%b}\n' % (_encode(method), _encode(params))


_WORDS, _TURNED = Struct("<8I"), Struct(">8I")


def swap_words(prev_hash: bytes) -> bytes:
    """Reverse the bytes of each 4-byte word: how Stratum spells a previous hash."""
    return _TURNED.pack(*_WORDS.unpack(prev_hash))
