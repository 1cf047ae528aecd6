/* What a miner does with a job: from mining.notify to nonces whose hash is in range. */
#ifndef BASELOAD_BENCH_WORK_H
#define BASELOAD_BENCH_WORK_H

#include "message.h"
#include "sha256.h"

#define MAX_JOB_ID_BYTES 64
#define MAX_EXTRANONCE_BYTES 32
#define MAX_BRANCHES 64
#define MAX_COINBASE_BYTES 16384 /* of each half */

/* A job, shared by all miners that were sent the same. */
typedef struct {
    unsigned users; /* freed with the last one */
    char id[MAX_JOB_ID_BYTES + 1];
    uint8_t prev_hash[32];
    uint32_t version, nbits, ntime;
    size_t coinb1_size, coinb2_size, branch_count;
    uint8_t branches[MAX_BRANCHES][32];
    uint8_t *coinb1, *coinb2; /* in `bytes` */
    char *spelling;           /* its params, to know it again by */
    size_t spelling_size;
    uint8_t bytes[];
} job;

/* Read the params of mining.notify. NULL: they are none, or there is no memory. */
job *job_read(span params);
bool job_is(const job *j, span params); /* it was read from the same bytes */
void job_leave(job *j);                 /* by one of its users; NULL is nobody's */

/* Hashes that are wanted: their first 64 bits, as a number in display order. */
typedef struct {
    uint64_t least, most;
} hash_range;

hash_range range_meeting(double difficulty);
hash_range range_missing(double difficulty);

/* The search of one miner within one extranonce2. */
typedef struct {
    uint32_t midstate[8]; /* of the header's first 64 B */
    uint8_t rest[12];     /* the others, up to the nonce */
    uint32_t nonce;       /* the next to be tried */
    uint32_t spare;       /* found together with another, not yet given out */
    bool has_spare;
} work;

typedef struct {
    uint8_t bytes[MAX_EXTRANONCE_BYTES];
    size_t size;
} extranonce;

/* Hash coinbase and merkle root. False: together they are too long. */
bool work_begin(work *w, const job *j, const extranonce *one, const extranonce *two);

/* Write up to `count` new nonces in range; return how many were found within `tries`
 * hashes. Each nonce is given out once, until all 2^32 are through. */
size_t work_find(work *w, hash_range wanted, uint32_t *nonces, size_t count,
                 size_t tries);

#endif
