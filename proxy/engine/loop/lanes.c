#include "parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

static bool open_lanes(engine *e, unsigned lanes)
{
    struct epoll_event event = {.events = EPOLLIN};

    while (e->lane_count < lanes) {
        lane *l = lane_new(e, e->lane_count);

        if (!l)
            return false;
        e->lanes[e->lane_count++] = l;
        if (epoll_ctl(e->outer, EPOLL_CTL_ADD, l->inner, &event))
            return false;
    }
    return true;
}

static bool open_all(engine *e, unsigned lanes)
{
    struct epoll_event event = {.events = EPOLLIN};

    e->outer = epoll_create1(EPOLL_CLOEXEC);
    e->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    return e->outer >= 0 && e->timer >= 0 &&
           !epoll_ctl(e->outer, EPOLL_CTL_ADD, e->timer, &event) &&
           open_lanes(e, lanes) && threads_start(e);
}

engine *engine_new(unsigned lanes)
{
    engine *e = calloc(1, sizeof *e);
    int code;

    if (!e)
        return NULL;
    e->outer = e->timer = -1;
    for (int i = 0; i < MAX_LISTENERS; i++)
        e->listeners[i] = -1;
    if (lanes >= 1 && lanes <= MAX_LANES && open_all(e, lanes))
        return e;
    code = lanes >= 1 && lanes <= MAX_LANES ? errno : EINVAL;
    engine_free(e);
    errno = code;
    return NULL;
}

void engine_free(engine *e)
{
    if (!e)
        return;
    threads_stop(e);
    for (unsigned i = 0; i < e->lane_count; i++)
        lane_free(e->lanes[i]);
    if (e->outer >= 0)
        close(e->outer);
    if (e->timer >= 0)
        close(e->timer);
    free(e);
}

int engine_fd(const engine *e)
{
    return e->outer;
}

unsigned engine_lanes(const engine *e)
{
    return e->lane_count;
}

void engine_run(engine *e, double now, double wall)
{
    e->arrival_count = 0;
    e->is_crowded = false;
    for (unsigned i = 0; i < e->lane_count; i++) {
        e->lanes[i]->now = now;
        e->lanes[i]->wall = wall;
    }
    threads_do(e, lane_run);
}

const record *engine_records(const engine *e, unsigned lane, size_t *count)
{
    *count = e->lanes[lane]->record_count;
    return e->lanes[lane]->records;
}

const arrival *engine_arrivals(const engine *e, size_t *count)
{
    *count = e->arrival_count;
    return e->arrivals;
}

bool engine_can_encrypt(const engine *e)
{
    return e->lanes[0]->sealer;
}

bool engine_is_crowded(const engine *e)
{
    return e->is_crowded;
}

double engine_verdicts(const engine *e, uint32_t verdicts[VERDICTS])
{
    double work = 0;

    memset(verdicts, 0, VERDICTS * sizeof *verdicts);
    for (unsigned i = 0; i < e->lane_count; i++) {
        for (int v = 0; v < VERDICTS; v++)
            verdicts[v] += e->lanes[i]->verdicts[v];
        work += e->lanes[i]->work;
    }
    return work;
}

worker *engine_next_sums(engine *e)
{
    for (unsigned i = 0; i < e->lane_count; i++) {
        worker *by = e->lanes[i]->touched;

        if (by) {
            e->lanes[i]->touched = by->next_touched;
            by->is_touched = false;
            return by;
        }
    }
    return NULL;
}

void engine_answer(engine *e)
{
    threads_do(e, lane_answer);
}

static wire *next_of(engine *e, int which)
{
    wire *w = NULL;

    for (unsigned i = 0; i < e->lane_count && !w; i++)
        w = dequeue(e->lanes[i], which);
    return w;
}

wire *engine_next_due(engine *e)
{
    return next_of(e, DUE);
}

wire *engine_next_asking(engine *e)
{
    return next_of(e, ASKING);
}

wire *engine_next_lost(engine *e)
{
    wire *w = next_of(e, LOST);

    if (w)
        leave_queues(w); /* it is closed, so nothing brings it back */
    return w;
}

wire *engine_next_touched(engine *e)
{
    return next_of(e, TOUCHED);
}

static void watch_lanes(engine *e, uint32_t events)
{
    struct epoll_event event = {.events = events};

    for (unsigned i = 0; i < e->lane_count; i++)
        epoll_ctl(e->outer, EPOLL_CTL_MOD, e->lanes[i]->inner, &event);
}

void engine_pause(engine *e)
{
    const struct itimerspec never = {0};

    timerfd_settime(e->timer, 0, &never, NULL);
    watch_lanes(e, 0);
}

/* Little came in: look again in a millisecond, so that what comes until then is one
 * commit and one turn of the reactor. Nothing came in: sleep until something does. */
bool engine_rest(engine *e)
{
    bool is_busy = e->arrival_count == MAX_ACCEPTS, is_idle;
    struct itimerspec when = {0};
    int events = 0;

    for (unsigned i = 0; i < e->lane_count; i++) {
        is_busy |= lane_is_busy(e->lanes[i]);
        events += e->lanes[i]->event_count;
    }
    is_idle = !is_busy && !events;
    when.it_value.tv_nsec = is_busy ? 1 : is_idle ? 0 : REST_NS;
    timerfd_settime(e->timer, 0, &when, NULL);
    watch_lanes(e, is_idle ? EPOLLIN | EPOLLONESHOT : 0);
    return is_busy;
}
