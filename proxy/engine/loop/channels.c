#include "parts.h"

#include <stdlib.h>
#include <string.h>

static size_t place_of(const noise_session *t, uint32_t id)
{
    size_t low = 0, high = t->channel_count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (t->channels[middle]->channel->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

wire *find_channel(const noise_session *t, uint32_t id)
{
    size_t at = place_of(t, id);

    return at < t->channel_count && t->channels[at]->channel->id == id ? t->channels[at]
                                                                       : NULL;
}

static bool add_channel(noise_session *t, wire *of)
{
    size_t at = place_of(t, of->channel->id);

    if (t->channel_count == t->channel_room) {
        size_t room = 2 * t->channel_room + 1;
        wire **more = realloc(t->channels, room * sizeof *more);

        if (!more)
            return false;
        t->channels = more;
        t->channel_room = room;
    }
    memmove(t->channels + at + 1, t->channels + at,
            (t->channel_count - at) * sizeof *t->channels);
    t->channels[at] = of;
    t->channel_count++;
    return true;
}

static void remove_channel(noise_session *t, const wire *of)
{
    size_t at = place_of(t, of->channel->id);

    if (at == t->channel_count || t->channels[at] != of)
        return;
    t->channel_count--;
    memmove(t->channels + at, t->channels + at + 1,
            (t->channel_count - at) * sizeof *t->channels);
}

void noise_free(noise_session *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->channel_count; i++)
        t->channels[i]->channel->carrier = NULL;
    seal_wipe(&t->in);
    seal_wipe(&t->out);
    free(t->channels);
    free(t->aside);
    free(t);
}

wire *wire_channel(wire *carrier)
{
    wire *w = calloc(1, sizeof *w);
    channel *c = calloc(1, sizeof *c);

    if (!w || !c) {
        free(w);
        free(c);
        return NULL;
    }
    w->fd = -1;
    w->lane = carrier->lane;
    w->lane->wire_count++;
    w->channel = c;
    return w;
}

bool wire_open_channel(wire *w, wire *carrier, uint32_t id, size_t filling_size,
                       bool is_standard)
{
    channel *c = w->channel;

    if (!carrier->noise || filling_size > MAX_EXTRANONCE_BYTES)
        return false;
    c->id = id;
    c->filling_size = (uint8_t)filling_size;
    c->is_standard = is_standard;
    if (!add_channel(carrier->noise, w))
        return false;
    c->carrier = carrier;
    return true;
}

void wire_close_channel(wire *w)
{
    channel *c = w->channel;

    if (c->carrier)
        remove_channel(c->carrier->noise, w);
    c->carrier = NULL;
    leave_queues(w);
}

size_t unsent_limit(const wire *w)
{
    const size_t most = MOST_UNSENT_BYTES / MAX_UNSENT_BYTES;
    const size_t channels = w->noise ? w->noise->channel_count : 0;
    const size_t miners = channels ? channels : 1;
    const size_t messages = 2 * w->largest * miners;

    return MAX_UNSENT_BYTES * (miners < most ? miners : most) +
           (messages < MOST_UNSENT_MESSAGES ? messages : MOST_UNSENT_MESSAGES);
}
