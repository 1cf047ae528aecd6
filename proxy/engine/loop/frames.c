#include "parts.h"

#include <stdlib.h>
#include <string.h>

enum {
    CHANNEL_BIT = 0x8000, /* of the extension: told, and not looked at */
    SUBMIT_STANDARD = 0x1a,
    SUBMIT_EXTENDED = 0x1b,
    FIXED_BYTES = 24, /* of a share: channel, sequence, job, nonce, ntime, version */
};

static uint32_t load_le32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* The bytes that a payload takes when sealed: in chunks, each with a MAC. */
static size_t sealed_size(size_t payload)
{
    return payload + (payload + MAX_CHUNK_BYTES - 1) / MAX_CHUNK_BYTES * MAC_BYTES;
}

static bool fail(noise_session *t, fault why)
{
    t->fault = why;
    return false;
}

/* Open the header that `data` begins with, unless that is done or more has to come. */
static bool open_header(wire *w, const char *data, size_t size, size_t *at)
{
    noise_session *t = w->noise;
    const uint8_t *sealed = (const uint8_t *)data + *at;

    if (t->has_header)
        return true;
    if (size - *at < HEADER_BYTES + MAC_BYTES)
        return false;
    if (!unseal(w->lane->sealer, &t->in, t->header, sealed, HEADER_BYTES))
        return fail(t, NOT_AUTHENTIC);
    t->payload_size = t->header[3] | (size_t)t->header[4] << 8 | (size_t)t->header[5] << 16;
    if (t->payload_size > MAX_PAYLOAD_BYTES)
        return fail(t, TOO_LONG);
    t->has_header = true;
    *at += HEADER_BYTES + MAC_BYTES;
    return true;
}

/* Whether a whole frame is there: one that was put aside, or the next of `data`. */
static bool has_frame(wire *w, const char *data, size_t size, size_t *at)
{
    const noise_session *t = w->noise;

    if (t->aside)
        return true;
    return !t->fault && open_header(w, data, size, at) &&
           size - *at >= sealed_size(t->payload_size);
}

static void take_aside(wire *w)
{
    noise_session *t = w->noise;

    memcpy(w->lane->opened, t->aside, t->aside_size);
    w->lane->opened_size = t->aside_size;
    free(t->aside);
    t->aside = NULL;
}

/* Keep the opened frame: its nonce is spent, so it cannot be opened again. */
static void put_aside(wire *w)
{
    noise_session *t = w->noise;

    t->aside = malloc(w->lane->opened_size);
    if (!t->aside) {
        lose(w);
        return;
    }
    t->aside_size = w->lane->opened_size;
    memcpy(t->aside, w->lane->opened, t->aside_size);
}

/* Open the frame that has_frame() found, to the engine's `opened`. */
static bool open_frame(wire *w, const char *data, size_t *at)
{
    lane *l = w->lane;
    noise_session *t = w->noise;
    const uint8_t *sealed = (const uint8_t *)data + *at;
    uint8_t *out = l->opened + HEADER_BYTES;

    if (t->aside) {
        take_aside(w);
        return true;
    }
    for (size_t left = t->payload_size; left;) {
        size_t part = left < MAX_CHUNK_BYTES ? left : MAX_CHUNK_BYTES;

        if (!unseal(l->sealer, &t->in, out, sealed, part))
            return fail(t, NOT_AUTHENTIC);
        sealed += part + MAC_BYTES;
        out += part;
        left -= part;
    }
    memcpy(l->opened, t->header, HEADER_BYTES);
    l->opened_size = HEADER_BYTES + t->payload_size;
    t->has_header = false;
    *at = (size_t)((const char *)sealed - data);
    if (w->tap)
        note_piece(w, false, (const char *)l->opened, l->opened_size);
    return true;
}

/* ---- shares ---- */

/* What the miner rolled, behind the zeros that stand for what it does not roll. */
static bool take_extranonce(const channel *c, const uint8_t *p, size_t size, submit *s)
{
    size_t rolled = 0;

    if (!c->is_standard) {
        if (size <= FIXED_BYTES)
            return false;
        rolled = p[FIXED_BYTES];
        /* what follows may name a worker: Python looks */
        if (size != FIXED_BYTES + 1 + rolled)
            return false;
    }
    if (c->filling_size + rolled > MAX_EXTRANONCE_BYTES)
        return false;
    memset(s->extranonce2, 0, c->filling_size);
    memcpy(s->extranonce2 + c->filling_size, p + FIXED_BYTES + 1, rolled);
    s->extranonce2_size = (uint8_t)(c->filling_size + rolled);
    return true;
}

static uint8_t spell_job(char *out, uint32_t number)
{
    static const char DIGITS[] = "0123456789abcdef";
    int size = 1;

    while (size < 8 && number >> 4 * size)
        size++;
    for (int i = 0; i < size; i++)
        out[i] = DIGITS[number >> 4 * (size - 1 - i) & 15];
    return (uint8_t)size;
}

/* Read the opened frame if it is a share that the engine judges: of a channel that
 * is at work, and of its kind. All else is Python's. */
static wire *read_share(const wire *w, submit *s, char job_id[8])
{
    const uint8_t *frame = w->lane->opened, *p = frame + HEADER_BYTES;
    size_t size = w->lane->opened_size - HEADER_BYTES;
    const bool is_standard = frame[2] == SUBMIT_STANDARD;
    wire *of;

    if ((frame[2] != SUBMIT_EXTENDED && !is_standard) || frame[0] ||
        frame[1] & ~(CHANNEL_BIT >> 8) || size < FIXED_BYTES)
        return NULL;
    of = find_channel(w->noise, load_le32(p));
    if (!of || of->channel->is_standard != is_standard || !is_at_work(of) ||
        !take_extranonce(of->channel, p, size, s))
        return NULL;
    s->worker = NULL; /* the channel's own */
    s->sequence = load_le32(p + 4);
    s->job_id = job_id;
    s->job_id_size = spell_job(job_id, load_le32(p + 8));
    s->nonce = load_le32(p + 12);
    s->ntime = load_le32(p + 16);
    s->version = load_le32(p + 20);
    s->has_version = true;
    return of;
}

/* ---- the stream ---- */

size_t read_frames(wire *w, const char *data, size_t size)
{
    size_t at = 0;
    char job_id[8];
    submit s = {0};
    wire *of;

    while (w->fd >= 0 && has_frame(w, data, size, &at)) {
        if (is_over(w->lane)) {
            enqueue(w, RESUMING);
            return at;
        }
        if (!open_frame(w, data, &at))
            break;
        of = read_share(w, &s, job_id);
        if (!of) {
            put_aside(w);
            enqueue(w, ASKING);
            return at;
        }
        of->sum.heard_at = w->lane->now;
        enqueue(of, TOUCHED);
        judge_share(of, &s);
    }
    if (w->fd >= 0 && w->noise->fault)
        enqueue(w, ASKING); /* to be told */
    return at;
}

bool ask_frame(wire *w, const char **frame, size_t *size)
{
    lane *l = w->lane;
    const size_t kept = w->kept_size;
    size_t at = 0;
    char job_id[8];
    submit s;
    bool is_open;

    if (kept)
        memcpy(l->received, w->kept, kept);
    is_open = has_frame(w, l->received, kept, &at) && open_frame(w, l->received, &at);
    if (at)
        keep(w, l->received + at, kept - at);
    if (!is_open || w->fd < 0)
        return false;
    if (read_share(w, &s, job_id)) {
        put_aside(w);
        enqueue(w, RESUMING);
        return false;
    }
    *frame = (const char *)l->opened;
    *size = l->opened_size;
    return true;
}
