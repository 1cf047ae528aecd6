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
    for (int i = 0; i < HASHRATE_CLASSES; i++)
        while (g->first[i])
            wire_join(g->first[i], NULL);
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
    double difficulty = w->requested < now->ceiling ? w->requested : now->ceiling;

    return !w->channel && w->term_count && w->terms[w->term_count - 1].difficulty == difficulty &&
           (!w->version_mask || (w->version_mask & now->mask) == w->mask_told);
}

/* Return how many of the wires of a class have to be told in another way. */
static size_t notify_class(const notice *n, int hashrate_class, size_t of, untold *others)
{
    const group *g = n->to;
    const live_job *now = g->job_count ? &g->jobs[g->job_count - 1] : NULL;
    size_t count = 0;

    for (wire *w = g->first[hashrate_class]; w && now; w = w->group_next) {
        if (!w->is_granted)
            continue;
        if (needs_only_the_line(w, now))
            wire_write(w, n->line, n->size);
        else
            others[count++] = (untold){.to = w, .of = of};
    }
    return count;
}

size_t groups_notify(const notice *notices, size_t count, untold *others)
{
    size_t found = 0;

    for (int i = HASHRATE_CLASSES - 1; i >= 0; i--)
        for (size_t of = 0; of < count; of++)
            found += notify_class(&notices[of], i, of, others + found);
    return found;
}
