#include "parts.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static lane *emptiest(const engine *e)
{
    lane *found = e->lanes[0];

    for (unsigned i = 1; i < e->lane_count; i++)
        if (e->lanes[i]->wire_count < found->wire_count)
            found = e->lanes[i];
    return found;
}

wire *wire_new(engine *e, int fd)
{
    wire *w = calloc(1, sizeof *w);

    if (!w)
        return NULL;
    w->fd = fd;
    w->lane = emptiest(e);
    w->is_new = true; /* its options are those of its listener: proxy/runtime/tcp.py */
    if (!watch(w, EPOLL_CTL_ADD, false)) {
        free(w);
        return NULL;
    }
    w->lane->wire_count++;
    return w;
}

static void forget_answers(wire *w)
{
    lane *l = w->lane;

    for (size_t i = 0; i < l->answer_count; i++)
        if (l->answers[i].to == w)
            l->answers[i].end = l->answers[i].start;
}

void wire_free(wire *w)
{
    lane *l = w->lane;
    worker **at = &l->touched;

    if (w->channel)
        wire_close_channel(w); /* its carrier stays */
    lose(w);
    wire_join(w, NULL);
    forget_answers(w);
    leave_queues(w);
    w->owner = NULL;
    while (*at) { /* sums that nobody fetched: rare, the turn fetches all */
        bool is_its = false;

        for (size_t i = 0; i < w->worker_count; i++)
            is_its |= *at == w->workers[i];
        if (is_its)
            *at = (*at)->next_touched;
        else
            at = &(*at)->next_touched;
    }
    w->next_dead = l->dead;
    l->dead = w;
    l->wire_count--;
}

void wire_set_owner(wire *w, void *owner)
{
    w->owner = owner;
}

void *wire_owner(const wire *w)
{
    return w->owner;
}

const uint8_t *wire_slot(const wire *w, size_t *size)
{
    *size = w->slot_size;
    return w->slot;
}

bool wire_is_open(const wire *w)
{
    return w->fd >= 0;
}

bool wire_fell_behind(const wire *w)
{
    return w->fell_behind;
}

void wire_hang_up(wire *w)
{
    const struct linger at_once = {.l_onoff = 1};

    wire_release(w); /* its last words */
    if (w->fd >= 0)
        (void)setsockopt(w->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    lose(w);
}

void wire_part(wire *w)
{
    wire_release(w);
    lose(w);
}

void wire_settle(wire *w, tally *out)
{
    *out = w->sum;
    w->sum = (tally){.heard_at = out->heard_at};
}

void wire_set_session(wire *w, bool is_subscribed, uint32_t mask, uint32_t mask_told)
{
    w->is_subscribed = is_subscribed;
    w->version_mask = mask;
    w->mask_told = mask_told;
}

void wire_set_granted(wire *w, bool is_granted)
{
    w->is_granted = is_granted;
}

void wire_set_requested(wire *w, double difficulty, uint32_t shares_left)
{
    w->requested = difficulty;
    w->shares_left = shares_left;
}

bool wire_set_slot(wire *w, const uint8_t *slot, size_t size)
{
    if (size > MAX_EXTRANONCE_BYTES)
        return false;
    memcpy(w->slot, slot, size);
    w->slot_size = (uint8_t)size;
    return true;
}

bool wire_add_worker(wire *w, const char *text, size_t size, void *name)
{
    worker *by;

    if (w->worker_count == w->worker_room) {
        size_t room = 2 * (size_t)w->worker_room + 1;
        worker **more = realloc(w->workers, room * sizeof *more);

        if (!more)
            return false;
        w->workers = more;
        w->worker_room = (uint16_t)room;
    }
    by = calloc(1, sizeof *by);
    if (!by)
        return false;
    by->name = name;
    /* a longer one is in no canonical submit: never found, but counted as ours */
    by->size = (uint8_t)(size > MAX_WORKER_BYTES ? UINT8_MAX : size);
    memcpy(by->text, text, size > MAX_WORKER_BYTES ? 0 : size);
    w->workers[w->worker_count++] = by;
    return true;
}

void wire_add_terms(wire *w, int64_t seq, double difficulty, const uint8_t target[32])
{
    wire_terms *last;

    if (w->term_count == MAX_TERMS)
        memmove(w->terms, w->terms + 1, (MAX_TERMS - 1) * sizeof *w->terms);
    else
        w->term_count++;
    last = &w->terms[w->term_count - 1];
    last->seq = seq;
    last->difficulty = difficulty;
    memcpy(last->target, target, 32);
}

static void take_out(wire *w)
{
    w->group->size--;
    if (w->group_before)
        w->group_before->group_next = w->group_next;
    else
        w->group->first[w->hashrate_class] = w->group_next;
    if (w->group_next)
        w->group_next->group_before = w->group_before;
}

static void put_in(wire *w)
{
    wire **first = &w->group->first[w->hashrate_class];

    w->group->size++;
    w->group_before = NULL;
    w->group_next = *first;
    if (*first)
        (*first)->group_before = w;
    *first = w;
}

void wire_join(wire *w, group *g)
{
    if (w->group == g)
        return;
    if (w->group)
        take_out(w);
    w->group = g;
    if (g)
        put_in(w);
}

void wire_set_class(wire *w, unsigned hashrate_class)
{
    if (hashrate_class >= HASHRATE_CLASSES)
        hashrate_class = HASHRATE_CLASSES - 1;
    if (w->hashrate_class == hashrate_class)
        return; /* its place in the class stays */
    if (w->group)
        take_out(w);
    w->hashrate_class = (uint8_t)hashrate_class;
    if (w->group)
        put_in(w);
}
