# cython: language_level=3
"""The share engine: the parser and the judge of `share.c`, as Python sees them."""

from libc.stdint cimport uint8_t
from libc.string cimport memcpy

from proxy.downstream.native cimport share as c

from protocol.bitcoin.target import target_from_difficulty
from protocol.units import WorkerName
from protocol.work.share import JudgedShare, Submission, Verdict

cdef tuple VERDICTS = tuple(Verdict)


def choose_sha256(name=None):
    """Hash with the code called `name`, or the fastest; return its name.

    Raises:
        ValueError: This processor does not run it.
    """
    cdef bytes wanted = b"" if name is None else name.encode()
    cdef const char *chosen
    if name is None:
        chosen = c.sha256_choose(NULL)
    else:
        chosen = c.sha256_choose(wanted)
    if chosen is NULL:
        raise ValueError(f"no {name} here")
    return chosen.decode()


def read_submit(const uint8_t[::1] line not None):
    """Return the id and the share of a canonical mining.submit, else None."""
    cdef c.submit found
    if not line.shape[0] or not c.submit_read(
        &found, <const char *>&line[0], line.shape[0]
    ):
        return None
    return found.id[: found.id_size], Submission(
        WorkerName(found.worker[: found.worker_size].decode()),
        found.job_id[: found.job_id_size].decode(),
        found.extranonce2[: found.extranonce2_size],
        found.ntime,
        found.nonce,
        found.version_bits if found.has_version_bits else None,
    )


cdef class SeenKeys:
    """The keys of hashes that were submitted for one work: 16 B each, and no more.

    It stands in for a set of bytes where only `in`, `add` and `len` are asked.
    """

    cdef c.seen *keys

    def __cinit__(self):
        self.keys = c.seen_new()
        if self.keys is NULL:
            raise MemoryError

    def __dealloc__(self):
        c.seen_free(self.keys)

    def __len__(self):
        return c.seen_count(self.keys)

    def __contains__(self, const uint8_t[::1] key):
        return key.shape[0] == c.KEY_BYTES and c.seen_has(self.keys, &key[0])

    def add(self, const uint8_t[::1] key):
        """Add a key of 16 B.

        Raises:
            ValueError: It has another length.
        """
        if key.shape[0] != c.KEY_BYTES:
            raise ValueError(f"key of {key.shape[0]} B, not {c.KEY_BYTES}")
        if c.seen_add(self.keys, &key[0]) < 0:
            raise MemoryError


cdef int put_target(uint8_t *out, target) except -1:
    cdef bytes raw = target.to_bytes(32, "little")
    memcpy(out, <const uint8_t *>raw, 32)
    return 0


cdef class JobRow:
    """A frozen copy of a job, whose `seen` is a `SeenKeys`, for the judge.

    Raises:
        ValueError: The job is of a size that no pool sends.
    """

    cdef c.job *row
    cdef readonly object job
    cdef SeenKeys keys
    cdef size_t slot_size
    cdef size_t extranonce2_size

    def __cinit__(self, job, size_t slot_size):
        cdef c.job_parts parts
        work = job.work
        cdef bytes coinb1 = job.coinb1, coinb2 = work.coinb2
        cdef bytes branches = b"".join(work.merkle_branch)
        cdef bytes prev_hash = work.prev_hash
        self.extranonce2_size = job.extranonce2_size
        if (
            len(prev_hash) != 32
            or len(branches) != 32 * len(work.merkle_branch)
            or max(slot_size, self.extranonce2_size) > c.MAX_EXTRANONCE_BYTES
        ):
            raise ValueError("a job with parts of the wrong size")
        parts.coinb1, parts.coinb1_size = coinb1, len(coinb1)
        parts.coinb2, parts.coinb2_size = coinb2, len(coinb2)
        parts.branches, parts.branch_count = branches, len(work.merkle_branch)
        parts.slot_size, parts.extranonce2_size = slot_size, self.extranonce2_size
        memcpy(parts.prev_hash, <const uint8_t *>prev_hash, 32)
        put_target(parts.target, work.target)
        put_target(parts.block_target, work.block_target)
        parts.version, parts.nbits = work.version, work.nbits
        parts.min_ntime, parts.max_ntime = work.ntime, work.max_ntime
        self.keys, self.job, self.slot_size = job.seen, job, slot_size
        self.row = c.job_new(&parts, self.keys.keys)
        if self.row is NULL:
            raise ValueError("a job larger than any pool's")

    def __dealloc__(self):
        c.job_free(self.row)

    def judge(self, submission, how, site, at):
        """Return `submission` with its verdict: `protocol.work.judge.judge` in C.

        Raises:
            ValueError: The slot or the extranonce2 is of a size that no line has.
        """
        cdef c.submit found
        cdef c.terms rules
        cdef c.judgement got
        cdef bytes slot = how.slot, extranonce2 = submission.extranonce2
        cdef size_t slot_size = len(slot)
        if slot_size != self.slot_size or len(extranonce2) > c.MAX_EXTRANONCE_BYTES:
            raise ValueError("slot or extranonce2 of the wrong size")
        bits = submission.version_bits
        found.extranonce2_size = len(extranonce2)
        memcpy(found.extranonce2, <const uint8_t *>extranonce2, len(extranonce2))
        found.ntime, found.nonce = submission.ntime, submission.nonce
        found.version_bits, found.has_version_bits = bits or 0, bits is not None
        rules.slot, rules.version_mask = slot, how.version_mask
        rules.is_stale = how.is_stale
        put_target(rules.target, target_from_difficulty(how.difficulty))
        if not c.job_judge(self.row, &rules, &found, &got):
            raise MemoryError
        return JudgedShare(
            at=at,
            site=site,
            worker=submission.worker,
            job_id=submission.job_id,
            difficulty=how.difficulty,
            verdict=VERDICTS[got.verdict],
            job=self.job,
            hash=got.hash[:32] if got.is_hashed else b"",
            slot=slot,
            extranonce2=extranonce2,
            ntime=found.ntime,
            nonce=found.nonce,
            version=got.version,
            meets_source=got.meets_source,
            is_block=got.is_block,
        )
