"""What `share.h` declares; the header says what each means."""

from libc.stdint cimport int64_t, uint8_t, uint32_t


cdef extern from "sha256.h" nogil:
    const char *sha256_choose(const char *name)


cdef extern from "share.h" nogil:
    enum:
        KEY_BYTES
        MAX_BRANCHES
        MAX_EXTRANONCE_BYTES
        UNKNOWN_JOB

    ctypedef struct submit:
        const char *id
        const char *worker
        const char *job_id
        uint8_t id_size
        uint8_t worker_size
        uint8_t job_id_size
        uint8_t extranonce2_size
        uint8_t extranonce2[32]
        uint32_t ntime
        uint32_t nonce
        uint32_t version_bits
        bint has_version_bits

    bint submit_read(submit *out, const char *line, size_t size)

    ctypedef struct seen:
        pass

    seen *seen_new()
    void seen_free(seen *set)
    size_t seen_count(seen *set)
    int seen_meet(seen *set, const uint8_t *key, bint may_add)

    ctypedef struct job_parts:
        const uint8_t *coinb1
        size_t coinb1_size
        const uint8_t *coinb2
        size_t coinb2_size
        const uint8_t *branches
        size_t branch_count
        uint8_t room
        uint8_t prev_hash[32]
        uint8_t target[32]
        uint8_t block_target[32]
        uint32_t version
        uint32_t nbits
        int64_t min_ntime
        int64_t max_ntime

    ctypedef struct job:
        pass

    job *job_new(const job_parts *parts, seen *set, unsigned lanes)
    void job_free(job *j)

    ctypedef struct terms:
        const uint8_t *slot
        uint8_t slot_size
        bint is_stale
        uint8_t target[32]
        uint32_t version_mask

    ctypedef struct judgement:
        int verdict
        bint is_hashed
        bint meets_source
        bint is_block
        uint32_t version
        uint8_t hash[32]

    bint job_judge(job *j, const terms *how, const submit *share, judgement *out)
