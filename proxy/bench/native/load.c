/* All miners of a load, and the loop that they take turns in. */
#define _GNU_SOURCE
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "shared.h"

enum {
    MAX_EVENTS = 256, /* a turn */
    MAX_PACED = 256,  /* a turn */
    TICK_NS = 200000, /* between looks at what the pace is owed */
    WAIT_MS = 20,
};

/* ---- beginning and end ---- */

static bool open_loop(load *l)
{
    struct epoll_event event = {.events = EPOLLIN};

    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    l->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    return l->epoll >= 0 && l->timer >= 0 &&
           !epoll_ctl(l->epoll, EPOLL_CTL_ADD, l->timer, &event);
}

load *load_new(const char *address, uint16_t port, const char *worker, size_t room,
               double fallback)
{
    load *l = calloc(1, sizeof *l);

    if (!l)
        return NULL;
    l->epoll = l->timer = -1;
    l->server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
    l->fallback = fallback;
    l->epoch = ns_of(CLOCK_REALTIME) - clock_ns();
    l->room = room;
    l->miners = calloc(room, sizeof *l->miners);
    strncpy(l->worker, worker, MAX_WORKER_BYTES);
    errno = EINVAL; /* for an address that is none */
    if (!l->miners || inet_pton(AF_INET, address, &l->server.sin_addr) != 1 ||
        !open_loop(l)) {
        load_free(l);
        return NULL;
    }
    for (size_t i = 0; i < room; i++)
        l->miners[i].fd = -1;
    sha256_choose(NULL);
    return l;
}

void load_free(load *l)
{
    int error = errno;

    if (!l)
        return;
    for (size_t i = 0; l->miners && i < l->room; i++)
        if (l->epoll >= 0 && l->timer >= 0)
            miner_hang_up(l, &l->miners[i], &l->sum.closed);
    job_leave(l->newest);
    if (l->timer >= 0)
        close(l->timer);
    if (l->epoll >= 0)
        close(l->epoll);
    free(l->miners);
    free(l);
    errno = error;
}

/* ---- submitting ---- */

static void set_timer(load *l, long period)
{
    const struct itimerspec spec = {{0, period}, {0, period}};

    timerfd_settime(l->timer, 0, &spec, NULL);
}

void load_submit(load *l, unsigned window, double pace)
{
    l->window = window < MAX_WINDOW ? window : MAX_WINDOW;
    l->pace = pace;
    l->paced = 0;
    l->paced_from = l->now = clock_ns();
    set_timer(l, window && pace > 0 ? TICK_NS : 0);
    for (size_t i = 0; i < l->room && pace <= 0; i++)
        if (l->miners[i].fd >= 0)
            miner_refill(l, &l->miners[i]);
}

void load_miss(load *l, bool misses)
{
    l->misses = misses;
}

static miner *next_to_submit(load *l)
{
    for (size_t i = 0; i < l->room; i++) {
        miner *m = &l->miners[l->next_paced++ % l->room];

        if (m->fd >= 0 && m->is_working && m->submits)
            return m;
    }
    return NULL;
}

static void submit_paced(load *l)
{
    double due = 1e-9 * (double)(l->now - l->paced_from) * l->pace;
    miner *m;

    if (l->pace <= 0 || !l->window)
        return;
    for (int i = 0; i < MAX_PACED && l->paced + 1 <= due; i++, l->paced++)
        if (!(m = next_to_submit(l)) || !miner_submit_one(l, m))
            l->sum.skipped++;
}

/* ---- the loop ---- */

static void on_event(load *l, miner *m, uint32_t events)
{
    if (m->fd >= 0 && events & (EPOLLIN | EPOLLHUP | EPOLLERR) && m->is_connected)
        miner_receive(l, m);
    if (m->fd >= 0 && !m->is_connected) {
        if (!(events & (EPOLLERR | EPOLLHUP))) {
            miner_greet(l, m);
            return;
        }
        socklen_t size = sizeof l->sum.error;

        getsockopt(m->fd, SOL_SOCKET, SO_ERROR, &l->sum.error, &size);
        miner_hang_up(l, m, &l->sum.failed);
    }
    if (m->fd >= 0 && events & EPOLLOUT && m->wants_out)
        miner_send_unsent(l, m);
    if (m->fd >= 0 && l->pace <= 0)
        miner_refill(l, m);
}

static void wait_and_serve(load *l, int timeout)
{
    struct epoll_event events[MAX_EVENTS];
    int count = epoll_wait(l->epoll, events, MAX_EVENTS, timeout);
    uint64_t ticks;

    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr)
            on_event(l, events[i].data.ptr, events[i].events);
        else
            (void)!read(l->timer, &ticks, sizeof ticks);
    }
    l->now = clock_ns();
}

static bool is_reached(const load *l, goal until)
{
    const totals *sum = &l->sum;

    if (until == ALL_WORK)
        return !l->to_open &&
               sum->working + sum->failed + sum->dropped + sum->closed >= sum->opened;
    return until == ALL_ANSWERED && !sum->in_flight;
}

bool load_run(load *l, double seconds, goal until)
{
    uint64_t end = clock_ns() + (uint64_t)(1e9 * seconds);
    bool is_busy;

    for (l->now = clock_ns(); !is_reached(l, until); ) {
        if (l->now >= end)
            return false;
        open_some(l);
        submit_paced(l);
        is_busy = l->to_open && l->open_rate <= 0;
        wait_and_serve(l, is_busy ? 0 : l->to_open ? 1 : WAIT_MS);
    }
    return true;
}

/* ---- what came of it ---- */

void load_totals(const load *l, totals *out)
{
    *out = l->sum;
    out->at = 1e-9 * (double)clock_ns();
}

const latency *load_replies(const load *l)
{
    return &l->replies;
}

void load_forget(load *l)
{
    memset(&l->replies, 0, sizeof l->replies);
    l->notice_count = 0;
}

const notice *load_notices(const load *l, size_t *count)
{
    *count = l->notice_count;
    return l->notices;
}
