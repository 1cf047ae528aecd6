#include "parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

group *group_new(void)
{
    return calloc(1, sizeof(group));
}

void group_free(group *g)
{
    if (!g)
        return;
    while (g->first)
        wire_join(g->first, NULL);
    free(g->jobs);
    free(g);
}

size_t group_size(const group *g)
{
    return g->size;
}

bool group_post(group *g, const char *id, size_t size, int64_t seq, job *row,
                uint32_t mask, double ceiling, void *owner)
{
    live_job *more = g->jobs;

    if (size > MAX_JOB_ID_BYTES)
        return false;
    if (g->job_count == g->job_room) {
        more = realloc(more, (2 * g->job_room + 8) * sizeof *more);
        if (!more)
            return false;
        g->job_room = 2 * g->job_room + 8;
        g->jobs = more;
    }
    more += g->job_count++;
    *more = (live_job){
        .owner = owner,
        .row = row,
        .seq = seq,
        .stale_at = INFINITY,
        .ceiling = ceiling,
        .mask = mask,
        .id_size = (uint8_t)size,
    };
    memcpy(more->id, id, size);
    return true;
}

void group_make_stale(group *g, int64_t seq, double at)
{
    for (size_t i = 0; i < g->job_count; i++)
        if (g->jobs[i].seq == seq)
            g->jobs[i].stale_at = at;
}

void group_retire(group *g, int64_t seq)
{
    for (size_t i = 0; i < g->job_count; i++)
        if (g->jobs[i].seq == seq) {
            memmove(g->jobs + i, g->jobs + i + 1,
                    (g->job_count - i - 1) * sizeof *g->jobs);
            g->job_count--;
            return;
        }
}

static bool needs_only_the_line(const wire *w, const live_job *now)
{
    double difficulty = w->wish < now->ceiling ? w->wish : now->ceiling;

    return !w->channel && w->term_count && w->terms[w->term_count - 1].difficulty == difficulty &&
           (!w->version_mask || (w->version_mask & now->mask) == w->mask_told);
}

size_t group_notify(group *g, const char *line, size_t size, wire **others)
{
    const live_job *now = g->job_count ? &g->jobs[g->job_count - 1] : NULL;
    size_t count = 0;

    for (wire *w = g->first; w && now; w = w->group_next) {
        if (!w->is_granted)
            continue;
        if (needs_only_the_line(w, now))
            wire_write(w, line, size);
        else
            others[count++] = w;
    }
    return count;
}
