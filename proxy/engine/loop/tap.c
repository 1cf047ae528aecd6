#include "parts.h"

#include <stdlib.h>
#include <string.h>

/* Pieces that wait to be fetched, one behind the other: a `tapped`, then its bytes. */
struct tap {
    size_t start, end;
    uint32_t missed[2]; /* pieces of theirs, of ours, since the last that had room */
    char data[TAP_BYTES];
};

static double wall_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Whether `size` bytes fit behind what waits, once that stands at the front. */
static bool make_room(tap *t, size_t size)
{
    if (size > TAP_BYTES - t->end && t->start) {
        memmove(t->data, t->data + t->start, t->end - t->start);
        t->end -= t->start;
        t->start = 0;
    }
    return size <= TAP_BYTES - t->end;
}

void note_piece(wire *w, bool is_ours, const char *data, size_t size)
{
    tap *t = w->tap;
    tapped head;

    memset(&head, 0, sizeof head);
    head.at = wall_clock();
    head.is_ours = is_ours;
    if (size > TAP_BYTES || !make_room(t, sizeof head + size)) {
        t->missed[is_ours]++;
        return;
    }
    head.size = (uint32_t)size;
    head.missed = t->missed[is_ours];
    t->missed[is_ours] = 0;
    memcpy(t->data + t->end, &head, sizeof head);
    memcpy(t->data + t->end + sizeof head, data, size);
    t->end += sizeof head + size;
}

bool wire_tap(wire *w)
{
    if (w->tap || w->channel || w->fd < 0)
        return false;
    w->tap = malloc(sizeof *w->tap);
    if (!w->tap)
        return false;
    w->tap->start = w->tap->end = 0;
    w->tap->missed[0] = w->tap->missed[1] = 0;
    if (!w->noise && w->kept_size)
        note_piece(w, false, w->kept, w->kept_size); /* or its first line were half */
    return true;
}

bool wire_next_tapped(wire *w, tapped *head, const char **data)
{
    tap *t = w->tap;

    if (!t || t->start == t->end)
        return false;
    memcpy(head, t->data + t->start, sizeof *head);
    *data = t->data + t->start + sizeof *head;
    t->start += sizeof *head + head->size;
    return true;
}

void wire_untap(wire *w)
{
    free(w->tap);
    w->tap = NULL;
}
