/* Read a canonical mining.submit and judge it, as protocol.sv1.messages and
 * protocol.work.judge do: those are the reference, these are the same in C.
 *
 * No Python here and no I/O: it can be fuzzed alone. Whatever is not canonical is
 * left to the reference, so nothing here has to understand all of JSON.
 */
#ifndef BASELOAD_SHARE_H
#define BASELOAD_SHARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sha256.h"

#define MAX_ID_BYTES 64
#define MAX_WORKER_BYTES 128
#define MAX_JOB_ID_BYTES 16
#define MAX_EXTRANONCE_BYTES 32 /* of slot and extranonce2, each and together */
#define MAX_BRANCHES 64
#define MAX_COINBASE_BYTES (1 << 20)
#define KEY_BYTES 16 /* of a hash, that tell it from the others of its work */

/* ---- the line ---- */

/* A submit as it came in: a line of Stratum V1, whose texts point into it, or a frame
 * of V2, which has a number for an id, the whole version, and no worker. */
typedef struct {
    const char *id; /* as spelled, to be echoed */
    const char *worker; /* NULL: the first of its miner's */
    const char *job_id;
    uint8_t id_size;
    uint8_t worker_size;
    uint8_t job_id_size;
    uint8_t extranonce2_size;
    uint8_t extranonce2[MAX_EXTRANONCE_BYTES];
    uint32_t ntime;
    uint32_t nonce;
    uint32_t version_bits;
    bool has_version_bits;
    bool has_version;
    uint32_t version; /* the header's, if it has one */
    uint32_t sequence;
} submit;

/* Read `line`, without its newline. False: not canonical, the reference shall see it.
 *
 * Canonical: {"id": number | "text" | null, "method": "mining.submit", "params": [..]}
 * with these three keys once each in any order, 5 or 6 parameters that are all
 * strings of printable ASCII without escapes, and hex where hex belongs.
 */
bool submit_read(submit *out, const char *line, size_t size);

/* ---- what has been submitted already ---- */

/* A set of keys that are random by nature: the first 16 B of hashes. Threads may ask
 * and add at the same time. */
typedef struct seen seen;

seen *seen_new(void); /* NULL: no memory */
void seen_free(seen *set);
size_t seen_count(seen *set);
/* 1: `key` is new, and was added if it may be; 0: it was there; -1: no memory for it. */
int seen_meet(seen *set, const uint8_t key[KEY_BYTES], bool may_add);

/* ---- the job and the verdict ---- */

/* In the order of protocol.work.share.Verdict. */
typedef enum {
    ACCEPTED,
    STALE,
    DUPLICATE,
    LOW_DIFFICULTY,
    UNKNOWN_JOB,
    UNAUTHORIZED,
    BAD_NTIME,
    BAD_VERSION,
    MALFORMED,
    VERDICTS,
} verdict;

/* What a job is made of. Hashes in internal order, targets as 32 B little-endian. */
typedef struct {
    const uint8_t *coinb1;
    size_t coinb1_size;
    const uint8_t *coinb2;
    size_t coinb2_size;
    const uint8_t *branches; /* 32 B each */
    size_t branch_count;
    uint8_t room; /* bytes between the two: a miner's slot and what it rolls */
    uint8_t prev_hash[32];
    uint8_t target[32];
    uint8_t block_target[32];
    uint32_t version;
    uint32_t nbits;
    int64_t min_ntime;
    int64_t max_ntime;
} job_parts;

typedef struct job job;

/* For so many lanes, which may hash its shares at the same time, each its own.
 * NULL: no memory, or too big. */
job *job_new(const job_parts *parts, seen *set, unsigned lanes);
void job_free(job *j);

/* On what terms a share of a job is judged; see protocol.work.judge.Terms. */
typedef struct {
    const uint8_t *slot;
    uint8_t slot_size;
    bool is_stale;
    uint8_t target[32];
    uint32_t version_mask;
} terms;

typedef struct {
    verdict verdict;
    bool is_hashed; /* else hash is void */
    bool meets_source;
    bool is_block;
    uint32_t version;
    uint8_t hash[32]; /* internal order */
} judgement;

/* Judge `share`, in lane 0, and remember it if it is good. False: no memory, not judged. */
bool job_judge(job *j, const terms *how, const submit *share, judgement *out);

/* The bits that a whole version rolls: within `mask`, or those that are foreign to it. */
uint32_t job_rolled(const job *j, uint32_t version, uint32_t mask);

/* The same in steps, so that two shares of a job can be hashed at once: job_check is
 * false where the verdict is out before any hashing; then, after one of the hashing
 * functions, job_weigh gives it. */
bool job_check(const job *j, const terms *how, const submit *share, judgement *out);
void job_hash(job *j, unsigned lane, const terms *how, const submit *share,
              judgement *out);
void job_hash_two(job *j, unsigned lane, const terms *const how[2],
                  const submit *const share[2], judgement *const out[2]);
bool job_weigh(job *j, const terms *how, judgement *out);

#endif
