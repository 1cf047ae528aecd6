#include "parts.h"

#include <stdlib.h>
#include <string.h>

bool is_over(lane *l)
{
    struct timespec now;

    /* the one that waits needs room too */
    if (l->has_block || l->record_count + 2 > MAX_RECORDS ||
        l->answer_bytes + 2 * ANSWER_BYTES > sizeof l->answer_text ||
        l->answer_count + 2 > MAX_RECORDS)
        return true;
    if (++l->lines % LOOK_AT_CLOCK)
        return false;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - l->started.tv_sec) * 1000000000 + now.tv_nsec -
               l->started.tv_nsec >
           TURN_NS;
}

void keep(wire *w, const char *data, size_t size)
{
    char *room = size ? realloc(w->kept, size) : NULL;

    if (size && !room) {
        lose(w);
        return;
    }
    if (size)
        memcpy(room, data, size);
    else
        free(w->kept);
    w->kept = room;
    w->kept_size = size;
}
