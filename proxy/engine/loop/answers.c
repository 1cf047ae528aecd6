#include "parts.h"

#include <stdlib.h>
#include <string.h>

enum { ACCEPT_BYTES = HEADER_BYTES + 20, SUCCESS = 0x1c, ERROR = 0x1d };

/* As protocol.sv2.codes.REJECTS has them. */
static const char *const CODES[VERDICTS] = {
    [STALE] = "stale-share",
    [DUPLICATE] = "duplicate-share",
    [LOW_DIFFICULTY] = "difficulty-too-low",
    [UNKNOWN_JOB] = "invalid-job-id",
    [UNAUTHORIZED] = "invalid-channel-id",
    [BAD_NTIME] = "invalid-share",
    [BAD_VERSION] = "invalid-non-rollable-version-bit",
    [MALFORMED] = "bad-extranonce-size",
};

static uint8_t *store_le(uint8_t *p, uint64_t value, int size)
{
    for (int i = 0; i < size; i++)
        *p++ = (uint8_t)(value >> 8 * i);
    return p;
}

static uint8_t *store_header(uint8_t *p, int type, size_t size)
{
    p = store_le(p, 0x8000, 2); /* it concerns a channel */
    return store_le(store_le(p, (uint64_t)type, 1), size, 3);
}

size_t channel_refuses(const wire *w, char *out, uint32_t sequence, verdict why)
{
    const size_t size = strlen(CODES[why]);
    uint8_t *p = store_header((uint8_t *)out, ERROR, 9 + size);

    p = store_le(store_le(p, w->channel->id, 4), sequence, 4);
    p = store_le(p, size, 1);
    memcpy(p, CODES[why], size);
    return HEADER_BYTES + 9 + size;
}

void channel_accepts(wire *w, uint32_t sequence, double difficulty)
{
    w->channel->last_accepted = sequence;
    w->channel->accepted++;
    w->channel->work += difficulty;
    enqueue(w, ACCEPTING);
}

/* What is whole of the work that was accepted: parts add up until they are. */
static uint64_t take_work(channel *c)
{
    uint64_t whole = c->work < 0x1p63 ? (uint64_t)c->work : (uint64_t)INT64_MAX;

    c->work -= (double)whole;
    return whole;
}

static uint8_t *store_accepted(uint8_t *p, channel *c)
{
    p = store_header(p, SUCCESS, ACCEPT_BYTES - HEADER_BYTES);
    p = store_le(store_le(p, c->id, 4), c->last_accepted, 4);
    p = store_le(p, c->accepted, 4);
    c->accepted = 0;
    return store_le(p, take_work(c), 8);
}

void answer_accepted(lane *l)
{
    uint8_t frames[64 * ACCEPT_BYTES], *p = frames;
    wire *to = NULL, *w;

    while ((w = dequeue(l, ACCEPTING))) {
        wire *carrier = w->channel->carrier;

        if (carrier != to || p == frames + sizeof frames) {
            if (to)
                write_answers(to, (const char *)frames, (size_t)(p - frames));
            p = frames;
        }
        to = carrier;
        if (carrier)
            p = store_accepted(p, w->channel);
    }
    if (to)
        write_answers(to, (const char *)frames, (size_t)(p - frames));
}
