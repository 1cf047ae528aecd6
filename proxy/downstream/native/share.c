#include "share.h"

#include <stdlib.h>
#include <string.h>

/* ---- the line ---- */

typedef struct {
    const char *at;
    const char *end;
} cursor;

static void skip_blanks(cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t'))
        c->at++;
}

static bool take(cursor *c, char wanted)
{
    skip_blanks(c);
    if (c->at == c->end || *c->at != wanted)
        return false;
    c->at++;
    return true;
}

static bool take_text(cursor *c, const char **text, size_t *size)
{
    if (!take(c, '"'))
        return false;
    *text = c->at;
    for (; c->at < c->end; c->at++) {
        unsigned char here = (unsigned char)*c->at;

        if (here == '"') {
            *size = (size_t)(c->at++ - *text);
            return true;
        }
        if (here < 0x20 || here > 0x7e || here == '\\')
            return false;
    }
    return false;
}

static bool take_digits(cursor *c)
{
    const char *start = c->at;

    while (c->at < c->end && *c->at >= '0' && *c->at <= '9')
        c->at++;
    return c->at > start && (*start != '0' || c->at == start + 1);
}

static bool take_id(cursor *c, submit *out)
{
    const char *text;
    size_t size;

    skip_blanks(c);
    out->id = c->at;
    if (c->end - c->at >= 4 && !memcmp(c->at, "null", 4))
        c->at += 4;
    else if (c->at < c->end && *c->at == '"') {
        if (!take_text(c, &text, &size))
            return false;
    } else if (!take_digits(c))
        return false;
    size = (size_t)(c->at - out->id);
    out->id_size = (uint8_t)size;
    return size <= MAX_ID_BYTES;
}

static bool is_text(const char *text, size_t size, const char *wanted)
{
    return size == strlen(wanted) && !memcmp(text, wanted, size);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool take_extranonce2(cursor *c, submit *out)
{
    const char *text;
    size_t size;

    if (!take_text(c, &text, &size) || size % 2 || size / 2 > MAX_EXTRANONCE_BYTES)
        return false;
    for (size_t i = 0; i < size / 2; i++) {
        int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        out->extranonce2[i] = (uint8_t)(high << 4 | low);
    }
    out->extranonce2_size = (uint8_t)(size / 2);
    return true;
}

static bool take_u32(cursor *c, uint32_t *out)
{
    const char *text;
    size_t size;

    if (!take_text(c, &text, &size) || size < 1 || size > 8)
        return false;
    *out = 0;
    for (size_t i = 0; i < size; i++) {
        int digit = hex_digit(text[i]);

        if (digit < 0)
            return false;
        *out = *out << 4 | (uint32_t)digit;
    }
    return true;
}

static bool take_name(cursor *c, const char **text, uint8_t *size, size_t most)
{
    size_t found;

    if (!take_text(c, text, &found) || found > most)
        return false;
    *size = (uint8_t)found;
    return true;
}

static bool take_params(cursor *c, submit *out)
{
    if (!take(c, '[') ||
        !take_name(c, &out->worker, &out->worker_size, MAX_WORKER_BYTES) ||
        !take(c, ',') ||
        !take_name(c, &out->job_id, &out->job_id_size, MAX_JOB_ID_BYTES) ||
        !take(c, ',') || !take_extranonce2(c, out) || !take(c, ',') ||
        !take_u32(c, &out->ntime) || !take(c, ',') || !take_u32(c, &out->nonce))
        return false;
    out->has_version_bits = take(c, ',');
    out->version_bits = 0;
    if (out->has_version_bits && !take_u32(c, &out->version_bits))
        return false;
    return take(c, ']');
}

bool submit_read(submit *out, const char *line, size_t size)
{
    enum { ID = 1, METHOD = 2, PARAMS = 4, ALL = 7 };
    cursor c = {line, line + size};
    unsigned found = 0;

    if (!take(&c, '{'))
        return false;
    for (;;) {
        const char *key, *method;
        size_t key_size, method_size;
        unsigned which;

        if (!take_text(&c, &key, &key_size) || !take(&c, ':'))
            return false;
        if (is_text(key, key_size, "id"))
            which = take_id(&c, out) ? ID : 0;
        else if (is_text(key, key_size, "params"))
            which = take_params(&c, out) ? PARAMS : 0;
        else if (is_text(key, key_size, "method"))
            which = take_text(&c, &method, &method_size) &&
                            is_text(method, method_size, "mining.submit")
                        ? METHOD
                        : 0;
        else
            return false;
        if (!which || found & which)
            return false;
        found |= which;
        if (take(&c, ','))
            continue;
        if (found != ALL || !take(&c, '}'))
            return false;
        skip_blanks(&c);
        return c.at == c.end;
    }
}

/* ---- what has been submitted already ---- */

/* Open addressing; a slot of zeros is empty. Keys are ends of hashes that were paid
 * for with work, so they need no hashing of their own, and nobody can choose them.
 * It grows by moving a few keys at each addition: no share waits for all of them. */

enum { FIRST_SLOTS = 64, MOVES = 8 };

typedef struct {
    uint8_t (*slots)[KEY_BYTES];
    size_t mask; /* number of slots - 1 */
} table;

struct seen {
    table now;
    table old; /* being moved; slots is NULL if not */
    size_t moved; /* slots of `old` that have been */
    size_t count;
    bool has_zero;
};

static const uint8_t ZERO[KEY_BYTES];

static bool table_open(table *t, size_t slots)
{
    t->slots = calloc(slots, KEY_BYTES);
    t->mask = slots - 1;
    return t->slots;
}

/* The slot that holds `key`, or the empty one where it belongs. */
static uint8_t *table_find(const table *t, const uint8_t key[KEY_BYTES])
{
    uint64_t wanted[2], found[2];

    memcpy(wanted, key, KEY_BYTES);
    for (size_t i = (size_t)wanted[0] & t->mask;; i = (i + 1) & t->mask) {
        memcpy(found, t->slots[i], KEY_BYTES);
        if ((found[0] == wanted[0] && found[1] == wanted[1]) || !(found[0] | found[1]))
            return t->slots[i];
    }
}

static bool table_has(const table *t, const uint8_t key[KEY_BYTES])
{
    return memcmp(table_find(t, key), ZERO, KEY_BYTES) != 0;
}

static void move_some(seen *set)
{
    for (int i = 0; set->old.slots && i < MOVES; i++) {
        const uint8_t *key = set->old.slots[set->moved];

        if (memcmp(key, ZERO, KEY_BYTES))
            memcpy(table_find(&set->now, key), key, KEY_BYTES);
        if (set->moved++ == set->old.mask) {
            free(set->old.slots);
            set->old = (table){0};
        }
    }
}

seen *seen_new(void)
{
    seen *set = calloc(1, sizeof *set);

    if (set && !table_open(&set->now, FIRST_SLOTS)) {
        free(set);
        return NULL;
    }
    return set;
}

void seen_free(seen *set)
{
    if (!set)
        return;
    free(set->now.slots);
    free(set->old.slots);
    free(set);
}

size_t seen_count(const seen *set)
{
    return set->count;
}

bool seen_has(const seen *set, const uint8_t key[KEY_BYTES])
{
    if (!memcmp(key, ZERO, KEY_BYTES))
        return set->has_zero;
    return table_has(&set->now, key) || (set->old.slots && table_has(&set->old, key));
}

int seen_add(seen *set, const uint8_t key[KEY_BYTES])
{
    table bigger;

    if (seen_has(set, key))
        return 0;
    if (!memcmp(key, ZERO, KEY_BYTES)) {
        set->has_zero = true;
        set->count++;
        return 1;
    }
    move_some(set);
    /* at most half full, and all moved long before that */
    if (!set->old.slots && 2 * set->count > set->now.mask) {
        if (!table_open(&bigger, 2 * (set->now.mask + 1)))
            return -1;
        set->old = set->now;
        set->now = bigger;
        set->moved = 0;
    }
    memcpy(table_find(&set->now, key), key, KEY_BYTES);
    set->count++;
    return 1;
}

/* ---- the job and the verdict ---- */

struct job {
    job_parts parts; /* without its pointers */
    seen *set;
    uint32_t midstate[8]; /* of the coinbase's whole blocks before the slot */
    size_t hole;          /* where the slot goes in a tail */
    size_t tail_blocks;
    uint8_t *branches;
    uint8_t tails[]; /* twice the rest of the coinbase, padded: the rolled part changes */
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
    size_t rolled = (size_t)parts->slot_size + parts->extranonce2_size;
    size_t blocks_size = j->tail_blocks * SHA256_BLOCK;
    uint64_t bits = 8 * (uint64_t)(parts->coinb1_size + rolled + parts->coinb2_size);

    memset(j->tails, 0, 2 * blocks_size);
    if (j->hole)
        memcpy(j->tails, parts->coinb1 + parts->coinb1_size - j->hole, j->hole);
    if (parts->coinb2_size)
        memcpy(j->tails + j->hole + rolled, parts->coinb2, parts->coinb2_size);
    j->tails[tail_size] = 0x80;
    for (int i = 0; i < 8; i++)
        j->tails[blocks_size - 1 - (size_t)i] = (uint8_t)(bits >> 8 * i);
    memcpy(j->tails + blocks_size, j->tails, blocks_size);
}

job *job_new(const job_parts *parts, seen *set)
{
    size_t rolled = (size_t)parts->slot_size + parts->extranonce2_size;
    size_t hole = parts->coinb1_size % SHA256_BLOCK;
    size_t tail_size, blocks;
    job *j;

    if (parts->coinb1_size > MAX_COINBASE_BYTES ||
        parts->coinb2_size > MAX_COINBASE_BYTES || parts->branch_count > MAX_BRANCHES ||
        parts->slot_size > MAX_EXTRANONCE_BYTES ||
        parts->extranonce2_size > MAX_EXTRANONCE_BYTES)
        return NULL;
    tail_size = hole + rolled + parts->coinb2_size;
    blocks = (tail_size + 9 + SHA256_BLOCK - 1) / SHA256_BLOCK;
    j = malloc(sizeof *j + 2 * blocks * SHA256_BLOCK + parts->branch_count * 32);
    if (!j)
        return NULL;
    j->parts = *parts;
    j->parts.coinb1 = j->parts.coinb2 = j->parts.branches = NULL;
    j->set = set;
    j->hole = hole;
    j->tail_blocks = blocks;
    j->branches = j->tails + 2 * blocks * SHA256_BLOCK;
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

/* Write the rolled part of the coinbase into one of the tails. */
static uint8_t *fill_tail(job *j, int which, const terms *how, const submit *share)
{
    uint8_t *tail = j->tails + (size_t)which * j->tail_blocks * SHA256_BLOCK;
    const job_parts *parts = &j->parts;

    if (parts->slot_size)
        memcpy(tail + j->hole, how->slot, parts->slot_size);
    memcpy(tail + j->hole + parts->slot_size, share->extranonce2,
           parts->extranonce2_size);
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

void job_hash(job *j, const terms *how, const submit *share, judgement *out)
{
    uint8_t pair[64];
    uint32_t state[8];

    memcpy(state, j->midstate, sizeof state);
    sha256_compress(state, fill_tail(j, 0, how, share), j->tail_blocks);
    sha256_again(pair, state);
    for (size_t i = 0; i < j->parts.branch_count; i++) {
        memcpy(pair + 32, j->branches + 32 * i, 32);
        sha256d_pair(pair);
    }
    hash_header(j, pair, share, out);
}

void job_hash_two(job *j, const terms *const how[2], const submit *const share[2],
                  judgement *const out[2])
{
    uint8_t a_pair[64], b_pair[64], *const pair[2] = {a_pair, b_pair};
    uint32_t a[8], b[8], *const state[2] = {a, b};
    const uint8_t *const tail[2] = {
        fill_tail(j, 0, how[0], share[0]),
        fill_tail(j, 1, how[1], share[1]),
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
    if (share->extranonce2_size != j->parts.extranonce2_size)
        return MALFORMED;
    if (share->ntime < j->parts.min_ntime || share->ntime > j->parts.max_ntime)
        return BAD_NTIME;
    if (share->version_bits & ~how->version_mask)
        return BAD_VERSION;
    return ACCEPTED;
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
    out->is_block = is_within(out->hash, j->parts.block_target);
    if (how->is_stale)
        out->verdict = STALE;
    else if (seen_has(j->set, out->hash))
        out->verdict = DUPLICATE;
    else if (!is_within(out->hash, how->target))
        out->verdict = LOW_DIFFICULTY;
    else if (seen_add(j->set, out->hash) < 0)
        return false; /* only paid-for hashes: a flood of bad shares costs no memory */
    else
        out->meets_source = is_within(out->hash, j->parts.target);
    return true;
}

bool job_judge(job *j, const terms *how, const submit *share, judgement *out)
{
    if (!job_check(j, how, share, out))
        return true;
    job_hash(j, how, share, out);
    return job_weigh(j, how, out);
}
