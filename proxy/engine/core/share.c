#include "share.h"

#include <stdlib.h>
#include <string.h>

struct job {
    job_parts parts; /* without its pointers */
    seen *set;
    uint32_t midstate[8]; /* of the coinbase's whole blocks before the slot */
    size_t hole;          /* where the slot goes in a tail */
    size_t tail_blocks;
    uint8_t *branches;
    unsigned lanes;
    /* the rest of the coinbase, padded, twice for each lane: the rolled part changes */
    uint8_t tails[];
};

static void store_le32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

/* `a` not above `b`, both 32 B little-endian. */
static bool is_within(const uint8_t a[32], const uint8_t b[32])
{
    for (int i = 31; i >= 0; i--)
        if (a[i] != b[i])
            return a[i] < b[i];
    return true;
}

static void lay_out_tail(job *j, const job_parts *parts, size_t tail_size)
{
    size_t blocks_size = j->tail_blocks * SHA256_BLOCK;
    uint64_t bits = 8 * (uint64_t)(parts->coinb1_size + parts->room + parts->coinb2_size);

    memset(j->tails, 0, blocks_size);
    if (j->hole)
        memcpy(j->tails, parts->coinb1 + parts->coinb1_size - j->hole, j->hole);
    if (parts->coinb2_size)
        memcpy(j->tails + j->hole + parts->room, parts->coinb2, parts->coinb2_size);
    j->tails[tail_size] = 0x80;
    for (int i = 0; i < 8; i++)
        j->tails[blocks_size - 1 - (size_t)i] = (uint8_t)(bits >> 8 * i);
    for (unsigned i = 1; i < 2 * j->lanes; i++)
        memcpy(j->tails + i * blocks_size, j->tails, blocks_size);
}

job *job_new(const job_parts *parts, seen *set, unsigned lanes)
{
    size_t hole = parts->coinb1_size % SHA256_BLOCK;
    size_t tail_size, blocks, tails_size;
    job *j;

    if (parts->coinb1_size > MAX_COINBASE_BYTES ||
        parts->coinb2_size > MAX_COINBASE_BYTES || parts->branch_count > MAX_BRANCHES ||
        parts->room > MAX_EXTRANONCE_BYTES)
        return NULL;
    tail_size = hole + parts->room + parts->coinb2_size;
    blocks = (tail_size + 9 + SHA256_BLOCK - 1) / SHA256_BLOCK;
    tails_size = 2 * lanes * blocks * SHA256_BLOCK;
    j = malloc(sizeof *j + tails_size + parts->branch_count * 32);
    if (!j)
        return NULL;
    j->parts = *parts;
    j->parts.coinb1 = j->parts.coinb2 = j->parts.branches = NULL;
    j->set = set;
    j->lanes = lanes;
    j->hole = hole;
    j->tail_blocks = blocks;
    j->branches = j->tails + tails_size;
    if (parts->branch_count)
        memcpy(j->branches, parts->branches, parts->branch_count * 32);
    memcpy(j->midstate, SHA256_START, sizeof j->midstate);
    sha256_compress(j->midstate, parts->coinb1, parts->coinb1_size / SHA256_BLOCK);
    lay_out_tail(j, parts, tail_size);
    return j;
}

void job_free(job *j)
{
    free(j);
}

/* Write slot and extranonce2, which job_check() has measured, into one of the tails. */
static uint8_t *fill_tail(job *j, unsigned which, const terms *how, const submit *share)
{
    uint8_t *tail = j->tails + (size_t)which * j->tail_blocks * SHA256_BLOCK;

    if (how->slot_size)
        memcpy(tail + j->hole, how->slot, how->slot_size);
    memcpy(tail + j->hole + how->slot_size, share->extranonce2, share->extranonce2_size);
    return tail;
}

static void hash_header(const job *j, const uint8_t root[32], const submit *share,
                        judgement *out)
{
    uint8_t header[80];

    store_le32(header, out->version);
    memcpy(header + 4, j->parts.prev_hash, 32);
    memcpy(header + 36, root, 32);
    store_le32(header + 68, share->ntime);
    store_le32(header + 72, j->parts.nbits);
    store_le32(header + 76, share->nonce);
    sha256d_header(out->hash, header);
    out->is_hashed = true;
}

void job_hash(job *j, unsigned lane, const terms *how, const submit *share,
              judgement *out)
{
    uint8_t pair[64];
    uint32_t state[8];

    memcpy(state, j->midstate, sizeof state);
    sha256_compress(state, fill_tail(j, 2 * lane, how, share), j->tail_blocks);
    sha256_again(pair, state);
    for (size_t i = 0; i < j->parts.branch_count; i++) {
        memcpy(pair + 32, j->branches + 32 * i, 32);
        sha256d_pair(pair);
    }
    hash_header(j, pair, share, out);
}

void job_hash_two(job *j, unsigned lane, const terms *const how[2],
                  const submit *const share[2], judgement *const out[2])
{
    uint8_t a_pair[64], b_pair[64], *const pair[2] = {a_pair, b_pair};
    uint32_t a[8], b[8], *const state[2] = {a, b};
    const uint8_t *const tail[2] = {
        fill_tail(j, 2 * lane, how[0], share[0]),
        fill_tail(j, 2 * lane + 1, how[1], share[1]),
    };

    memcpy(a, j->midstate, sizeof a);
    memcpy(b, j->midstate, sizeof b);
    sha256_compress_two(state, tail, j->tail_blocks);
    sha256_again(a_pair, a);
    sha256_again(b_pair, b);
    for (size_t i = 0; i < j->parts.branch_count; i++) {
        memcpy(a_pair + 32, j->branches + 32 * i, 32);
        memcpy(b_pair + 32, j->branches + 32 * i, 32);
        sha256d_pair_two(pair);
    }
    hash_header(j, a_pair, share[0], out[0]);
    hash_header(j, b_pair, share[1], out[1]);
}

/* What can be said before any hashing; ACCEPTED: nothing yet. */
static verdict judge_fields(const job *j, const terms *how, const submit *share)
{
    if (how->slot_size + share->extranonce2_size != j->parts.room)
        return MALFORMED;
    if (share->ntime < j->parts.min_ntime || share->ntime > j->parts.max_ntime)
        return BAD_NTIME;
    if (share->version_bits & ~how->version_mask)
        return BAD_VERSION;
    return ACCEPTED;
}

uint32_t job_rolled(const job *j, uint32_t version, uint32_t mask)
{
    const uint32_t foreign = (version ^ j->parts.version) & ~mask;

    return foreign ? foreign : version & mask;
}

bool job_check(const job *j, const terms *how, const submit *share, judgement *out)
{
    const uint32_t mask = share->has_version_bits ? how->version_mask : 0;

    *out = (judgement){.verdict = judge_fields(j, how, share)};
    if (out->verdict == ACCEPTED)
        out->version = (j->parts.version & ~mask) | share->version_bits;
    return out->verdict == ACCEPTED;
}

bool job_weigh(job *j, const terms *how, judgement *out)
{
    const bool is_enough = is_within(out->hash, how->target);
    const bool is_block = is_within(out->hash, j->parts.block_target);

    out->verdict = STALE;
    if (how->is_stale && !is_block)
        return true;
    /* only paid-for hashes are kept: a flood of bad shares costs no memory */
    switch (seen_meet(j->set, out->hash, is_block || is_enough)) {
    case -1:
        return false;
    case 0: /* a block that was found before is no news */
        out->verdict = how->is_stale ? STALE : DUPLICATE;
        return true;
    default:
        out->is_block = is_block;
    }
    if (how->is_stale)
        return true;
    out->verdict = is_enough ? ACCEPTED : LOW_DIFFICULTY;
    out->meets_source = is_enough && is_within(out->hash, j->parts.target);
    return true;
}

bool job_judge(job *j, const terms *how, const submit *share, judgement *out)
{
    if (!job_check(j, how, share, out))
        return true;
    job_hash(j, 0, how, share, out);
    return job_weigh(j, how, out);
}
