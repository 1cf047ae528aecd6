#include "parts.h"

#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

engine *engine_new(void)
{
    engine *e = calloc(1, sizeof *e);
    struct epoll_event event = {.events = EPOLLIN};

    if (!e)
        return NULL;
    e->outer = epoll_create1(EPOLL_CLOEXEC);
    e->inner = epoll_create1(EPOLL_CLOEXEC);
    e->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (e->outer < 0 || e->inner < 0 || e->timer < 0 ||
        epoll_ctl(e->outer, EPOLL_CTL_ADD, e->timer, &event) ||
        epoll_ctl(e->outer, EPOLL_CTL_ADD, e->inner, &event)) {
        engine_free(e);
        return NULL;
    }
    return e;
}

static void bury(engine *e)
{
    while (e->dead) {
        wire *w = e->dead;

        e->dead = w->next_dead;
        for (size_t i = 0; i < w->worker_count; i++)
            free(w->workers[i]);
        free(w->workers);
        free(w);
    }
}

void engine_free(engine *e)
{
    if (!e)
        return;
    bury(e);
    if (e->outer >= 0)
        close(e->outer);
    if (e->inner >= 0)
        close(e->inner);
    if (e->timer >= 0)
        close(e->timer);
    free(e);
}

int engine_fd(const engine *e)
{
    return e->outer;
}

static void begin(engine *e, double now, double wall)
{
    e->now = now;
    e->wall = wall;
    e->record_count = e->answer_count = e->answer_bytes = e->arrival_count = 0;
    e->has_block = e->is_crowded = false;
    memset(e->verdicts, 0, sizeof e->verdicts);
    e->work = 0;
    e->lines = 0;
    clock_gettime(CLOCK_MONOTONIC, &e->started);
    if (e->event_at == e->event_count) {
        bury(e); /* no event can name a dead wire now */
        e->event_at = 0;
        e->event_count = epoll_wait(e->inner, e->events, MAX_EVENTS, 0);
        if (e->event_count < 0)
            e->event_count = 0;
    }
}

static void resume(engine *e)
{
    wire *last = e->queues[RESUMING].last, *w = NULL;

    while (w != last && !is_over(e) && (w = dequeue(e, RESUMING)))
        if (w->fd >= 0 && w->kept_size) {
            memcpy(e->received, w->kept, w->kept_size);
            look_at(w, w->kept_size);
        }
}

static void serve(engine *e, const struct epoll_event *event)
{
    wire *w = event->data.ptr;

    if (is_listener(e, w)) {
        if (*(int *)event->data.ptr >= 0)
            accept_some(e, event->data.ptr);
        return;
    }
    if (w->fd >= 0 && event->events & EPOLLOUT && w->unsent_size)
        send_unsent(w);
    if (w->fd >= 0 && event->events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        receive(w);
}

void engine_run(engine *e, double now, double wall)
{
    begin(e, now, wall);
    resume(e);
    while (e->event_at < e->event_count && !is_over(e))
        serve(e, &e->events[e->event_at++]);
    settle_half(e);
}

const record *engine_records(const engine *e, size_t *count)
{
    *count = e->record_count;
    return e->records;
}

const arrival *engine_arrivals(const engine *e, size_t *count)
{
    *count = e->arrival_count;
    return e->arrivals;
}

bool engine_is_crowded(const engine *e)
{
    return e->is_crowded;
}

const uint32_t *engine_verdicts(const engine *e, double *work)
{
    *work = e->work;
    return e->verdicts;
}

worker *engine_next_sums(engine *e)
{
    worker *by = e->touched;

    if (by) {
        e->touched = by->next_touched;
        by->is_touched = false;
    }
    return by;
}

void engine_answer(engine *e)
{
    for (size_t i = 0; i < e->answer_count; i++) {
        const answer *a = &e->answers[i];

        wire_write(a->to, e->answer_text + a->start, a->end - a->start);
    }
    e->answer_count = 0;
}

wire *engine_next_due(engine *e)
{
    return dequeue(e, DUE);
}

wire *engine_next_asking(engine *e)
{
    return dequeue(e, ASKING);
}

wire *engine_next_lost(engine *e)
{
    return dequeue(e, LOST);
}

wire *engine_next_touched(engine *e)
{
    return dequeue(e, TOUCHED);
}

/* Little came in: look again in a millisecond, so that what comes until then is one
 * commit and one turn of the reactor. Nothing came in: sleep until something does. */
bool engine_rest(engine *e)
{
    const bool is_busy = e->event_at < e->event_count || e->queues[RESUMING].first ||
                         e->queues[ASKING].first || e->queues[LOST].first ||
                         e->record_count >= FULL_BATCH ||
                         e->arrival_count == MAX_ACCEPTS;
    const bool is_idle = !is_busy && !e->event_count;
    struct itimerspec when = {.it_value.tv_nsec = is_busy ? 1 : is_idle ? 0 : REST_NS};
    struct epoll_event event = {.events = is_idle ? EPOLLIN | EPOLLONESHOT : 0};

    timerfd_settime(e->timer, 0, &when, NULL);
    epoll_ctl(e->outer, EPOLL_CTL_MOD, e->inner, &event);
    return is_busy;
}
