#include "work.h"

#include <stdlib.h>
#include <string.h>

/* ---- jobs ---- */

static bool read_prev_hash(span value, uint8_t out[32])
{
    uint8_t swapped[32];
    size_t size;

    if (!span_bytes(value, swapped, 32, &size) || size != 32)
        return false;
    for (int i = 0; i < 32; i++)
        out[i] = swapped[i ^ 3]; /* Stratum turns each word of 4 B */
    return true;
}

static bool read_branches(span value, job *j)
{
    span item;
    size_t size;

    if (!list_open(&value))
        return false;
    while (list_take(&value, &item)) {
        if (j->branch_count == MAX_BRANCHES ||
            !span_bytes(item, j->branches[j->branch_count++], 32, &size) || size != 32)
            return false;
    }
    return value.size == 0;
}

static bool read_id(span value, job *j)
{
    span text;

    if (!span_text(value, &text) || text.size > MAX_JOB_ID_BYTES)
        return false;
    memcpy(j->id, text.at, text.size);
    j->id[text.size] = 0;
    return true;
}

static bool read_params(job *j, span list)
{
    span item[8];

    if (!list_open(&list))
        return false;
    for (int i = 0; i < 8; i++)
        if (!list_take(&list, &item[i]))
            return false;
    if (!read_id(item[0], j) || !read_prev_hash(item[1], j->prev_hash))
        return false;
    if (!span_bytes(item[2], j->coinb1, MAX_COINBASE_BYTES, &j->coinb1_size))
        return false;
    j->coinb2 = j->coinb1 + j->coinb1_size;
    return span_bytes(item[3], j->coinb2, MAX_COINBASE_BYTES, &j->coinb2_size) &&
           read_branches(item[4], j) && span_u32(item[5], &j->version) &&
           span_u32(item[6], &j->nbits) && span_u32(item[7], &j->ntime);
}

job *job_read(span params)
{
    job *j = params.at ? calloc(1, sizeof *j + 2 * params.size) : NULL;

    if (!j)
        return NULL;
    j->users = 1;
    j->spelling = (char *)j->bytes;
    j->spelling_size = params.size;
    memcpy(j->spelling, params.at, params.size);
    j->coinb1 = j->bytes + params.size; /* in hexadecimal they took twice the room */
    if (!read_params(j, params)) {
        free(j);
        return NULL;
    }
    return j;
}

bool job_is(const job *j, span params)
{
    return params.at && params.size == j->spelling_size &&
           !memcmp(params.at, j->spelling, params.size);
}

void job_leave(job *j)
{
    if (j && !--j->users)
        free(j);
}

/* ---- difficulty ---- */

/* The first 64 bits of the target; both ranges keep off what rounding may blur. */
static double first_bits(double difficulty)
{
    return 65535.0 * 65536.0 / difficulty;
}

hash_range range_meeting(double difficulty)
{
    double bits = first_bits(difficulty) * (1 - 1e-12) - 1;

    if (bits >= 18446744073709549568.0)
        return (hash_range){0, UINT64_MAX};
    return (hash_range){0, bits > 0 ? (uint64_t)bits : 0};
}

hash_range range_missing(double difficulty)
{
    double bits = first_bits(difficulty) * (1 + 1e-12) + 1;

    if (bits >= 18446744073709549568.0)
        return (hash_range){UINT64_MAX, UINT64_MAX}; /* hardly any miss it */
    return (hash_range){(uint64_t)bits, UINT64_MAX};
}

/* ---- hashing ---- */

static void store_le32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

/* Write the SHA-256d of `size` bytes; there is room for the padding behind them. */
static void hash_padded(uint8_t out[32], uint8_t *data, size_t size)
{
    size_t blocks = (size + 9 + SHA256_BLOCK - 1) / SHA256_BLOCK;
    uint64_t bits = 8 * (uint64_t)size;
    uint32_t state[8];

    memset(data + size, 0, blocks * SHA256_BLOCK - size);
    data[size] = 0x80;
    for (size_t i = 1; i <= 8; i++, bits >>= 8)
        data[blocks * SHA256_BLOCK - i] = (uint8_t)bits;
    memcpy(state, SHA256_START, sizeof state);
    sha256_compress(state, data, blocks);
    sha256_again(out, state);
}

static void hash_coinbase(uint8_t out[32], const job *j, const extranonce *one,
                          const extranonce *two)
{
    uint8_t data[2 * MAX_COINBASE_BYTES + 2 * MAX_EXTRANONCE_BYTES + 2 * SHA256_BLOCK];
    size_t size = j->coinb1_size;

    memcpy(data, j->coinb1, size);
    memcpy(data + size, one->bytes, one->size);
    size += one->size;
    memcpy(data + size, two->bytes, two->size);
    size += two->size;
    memcpy(data + size, j->coinb2, j->coinb2_size);
    hash_padded(out, data, size + j->coinb2_size);
}

bool work_begin(work *w, const job *j, const extranonce *one, const extranonce *two)
{
    uint8_t pair[64], header[76];

    if (one->size > MAX_EXTRANONCE_BYTES || two->size > MAX_EXTRANONCE_BYTES)
        return false;
    hash_coinbase(pair, j, one, two);
    for (size_t i = 0; i < j->branch_count; i++) {
        memcpy(pair + 32, j->branches[i], 32);
        sha256d_pair(pair);
    }
    store_le32(header, j->version);
    memcpy(header + 4, j->prev_hash, 32);
    memcpy(header + 36, pair, 32);
    store_le32(header + 68, j->ntime);
    store_le32(header + 72, j->nbits);
    *w = (work){.nonce = 0};
    memcpy(w->midstate, SHA256_START, sizeof w->midstate);
    sha256_compress(w->midstate, header, 1);
    memcpy(w->rest, header + 64, sizeof w->rest);
    return true;
}

static uint64_t swap_bytes(uint64_t v)
{
    v = (v & 0x00ff00ff00ff00ff) << 8 | (v >> 8 & 0x00ff00ff00ff00ff);
    v = (v & 0x0000ffff0000ffff) << 16 | (v >> 16 & 0x0000ffff0000ffff);
    return v << 32 | v >> 32;
}

/* The blocks of two hashes at once: the end of a header, and a digest. */
typedef struct {
    uint8_t end[2][SHA256_BLOCK];
    uint8_t digest[2][SHA256_BLOCK];
} blocks;

static void lay_out(blocks *b, const work *w)
{
    memset(b, 0, sizeof *b);
    for (int i = 0; i < 2; i++) {
        memcpy(b->end[i], w->rest, sizeof w->rest);
        b->end[i][16] = b->digest[i][32] = 0x80;
        b->end[i][62] = 0x02; /* 640 bits */
        b->end[i][63] = 0x80;
        b->digest[i][62] = 0x01; /* 256 bits */
    }
}

/* Hash the next nonce and the one after it; write the first 64 bits of each hash. */
static void hash_two(const work *w, blocks *b, uint64_t first[2])
{
    uint32_t one[8], two[8], *const state[2] = {one, two};
    const uint8_t *const end[2] = {b->end[0], b->end[1]};
    const uint8_t *const digest[2] = {b->digest[0], b->digest[1]};

    store_le32(b->end[0] + 12, w->nonce);
    store_le32(b->end[1] + 12, w->nonce + 1);
    memcpy(one, w->midstate, sizeof one);
    memcpy(two, w->midstate, sizeof two);
    sha256_compress_two(state, end, 1);
    for (int i = 0; i < 2; i++) {
        sha256_store(b->digest[i], state[i]);
        memcpy(state[i], SHA256_START, sizeof one);
    }
    sha256_compress_two(state, digest, 1);
    for (int i = 0; i < 2; i++)
        first[i] = swap_bytes((uint64_t)state[i][6] << 32 | state[i][7]);
}

static bool is_in(hash_range wanted, uint64_t first)
{
    return first >= wanted.least && first <= wanted.most;
}

size_t work_find(work *w, hash_range wanted, uint32_t *nonces, size_t count,
                 size_t tries)
{
    blocks b;
    uint64_t first[2];
    size_t found = 0;

    if (count && w->has_spare) {
        nonces[found++] = w->spare;
        w->has_spare = false;
    }
    if (found < count)
        lay_out(&b, w);
    for (size_t tried = 0; found < count && tried < tries; tried += 2, w->nonce += 2) {
        hash_two(w, &b, first);
        if (is_in(wanted, first[0]))
            nonces[found++] = w->nonce;
        if (!is_in(wanted, first[1]))
            continue;
        if (found < count) {
            nonces[found++] = w->nonce + 1;
        } else {
            w->spare = w->nonce + 1;
            w->has_spare = true;
        }
    }
    return found;
}
