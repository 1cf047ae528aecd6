"""Make jobs for miners out of a source's work."""

from functools import lru_cache

from protocol.bitcoin.target import floor_power_of_two
from protocol.units import Difficulty, JobId
from protocol.work.extranonce import Layout
from protocol.work.job import Job, SeenKeys, Work


@lru_cache(maxsize=256)  # difficulties of sources are few
def ceiling_of(source_difficulty: Difficulty) -> Difficulty:
    """Return the highest difficulty that a miner may be given for a source.

    A power of two where above 1: ASICs round down to one themselves.
    """
    if source_difficulty <= 1:
        return source_difficulty
    return floor_power_of_two(source_difficulty)


def padding_of(work: Work, layout: Layout, space: int) -> bytes:
    """Return what stands between the source's extranonce1 and the slots of a space.

    Raises:
        ValueError: The work leaves less room than `layout` needs.
    """
    size = layout.padding_of(work.extranonce2_size)
    if size < 0:
        raise ValueError(f"{work.extranonce2_size} B of room, {layout.room} needed")
    return layout.padding(space, size)


def make_job(  # noqa: PLR0913  (a job is all of these)
    work: Work,
    padding: bytes,
    *,
    room: int,
    seq: int,
    ntime: int,
    clean: bool,
    seen: SeenKeys,
) -> Job:
    """Return `work` as miners of the search space with this `padding` shall hash it."""
    return Job(
        # Never used twice: ESP-Miner passes over a job id that it has seen among its
        # last 16.
        id=JobId(f"{seq:x}"),
        seq=seq,
        work=work,
        # Folded in, so that a miner's extranonce1 is its slot alone and a change of
        # source needs no mining.set_extranonce (ADR 11).
        coinb1=work.coinb1 + work.extranonce1 + padding,
        padding=padding,
        room=room,
        ntime=ntime,
        clean=clean,
        ceiling=ceiling_of(work.difficulty),
        seen=seen,
    )
