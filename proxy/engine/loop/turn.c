/* A turn: what one lane does from epoll to answers.
 *
 * Theory of operation. The reactor watches one descriptor, an outer epoll, which is
 * readable when a lane's inner epoll or the timer is. Then it calls engine_run(), and
 * every lane works on its own sockets until it is over (`is_over` in kept.c): 2 ms, 1,024
 * verdicts, or a block. A connection is read once a turn, so that one that floods waits
 * behind all others; what it has sent too much is kept, and its wire queues in RESUMING.
 *
 * Nothing is answered within a turn. A lane gathers records (for the ledger) and answers
 * (bytes), the caller makes the records durable and calls engine_answer(), which writes.
 * A turn that is not answered, since the ledger raised, forgets what it accepted: the
 * miner hears nothing, and its client sends again.
 *
 * Pairs of shares of one job are hashed side by side, which costs little more than one
 * (core/sha256.c): the first waits (`waiting` of the lane) until the next line, and alone
 * is hashed when the turn ends. Answers of a connection keep their order regardless.
 *
 * Wires that die stay allocated until the next turn begins: events, records and answers
 * of this one may name them.
 */
#include "parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

lane *lane_new(engine *e, unsigned number)
{
    lane *l = calloc(1, sizeof *l);

    if (!l)
        return NULL;
    l->engine = e;
    l->number = number;
    l->block_at = -INFINITY;
    l->inner = epoll_create1(EPOLL_CLOEXEC);
    if (l->inner < 0) {
        free(l);
        return NULL;
    }
    l->sealer = sealer_new();
    return l;
}

static void bury(lane *l)
{
    while (l->dead) {
        wire *w = l->dead;

        l->dead = w->next_dead;
        for (size_t i = 0; i < w->worker_count; i++)
            free(w->workers[i]);
        free(w->workers);
        wire_untap(w);
        free(w->channel);
        free(w);
    }
}

void lane_free(lane *l)
{
    bury(l);
    close(l->inner);
    sealer_free(l->sealer);
    free(l);
}

/* What was accepted in a turn that was not answered is not durable either. */
static void forget_accepted(lane *l)
{
    wire *w;

    while ((w = dequeue(l, ACCEPTING))) {
        w->channel->accepted = 0;
        w->channel->work = 0;
    }
}

static void begin(lane *l)
{
    forget_accepted(l);
    l->record_count = l->answer_count = l->answer_bytes = 0;
    l->has_block = false;
    memset(l->verdicts, 0, sizeof l->verdicts);
    l->work = 0;
    l->lines = 0;
    clock_gettime(CLOCK_MONOTONIC, &l->started);
    if (l->event_at == l->event_count) {
        bury(l); /* no event can name a dead wire now */
        l->event_at = 0;
        l->event_count = epoll_wait(l->inner, l->events, MAX_EVENTS, 0);
        if (l->event_count < 0)
            l->event_count = 0;
    }
}

static void resume(lane *l)
{
    wire *last = l->queues[RESUMING].last, *w = NULL;

    while (w != last && !is_over(l) && (w = dequeue(l, RESUMING)))
        if (w->fd >= 0 && (w->kept_size || w->noise)) {
            if (w->kept_size)
                memcpy(l->received, w->kept, w->kept_size);
            look_at(w, w->kept_size);
        }
}

static void serve(lane *l, const struct epoll_event *event)
{
    wire *w = event->data.ptr;

    if (is_listener(l->engine, w)) {
        if (*(int *)event->data.ptr >= 0)
            accept_some(l->engine, event->data.ptr);
        return;
    }
    if (w->fd >= 0 && event->events & EPOLLOUT && w->unsent_size)
        send_unsent(w);
    if (w->fd >= 0 && event->events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        receive(w);
}

void lane_run(lane *l)
{
    begin(l);
    resume(l);
    while (l->event_at < l->event_count && !is_over(l))
        serve(l, &l->events[l->event_at++]);
    settle_waiting(l);
}

void lane_answer(lane *l)
{
    for (size_t i = 0; i < l->answer_count; i++) {
        const answer *a = &l->answers[i];

        write_answers(a->to, l->answer_text + a->start, a->end - a->start);
    }
    l->answer_count = 0;
    answer_accepted(l);
}

bool lane_is_busy(const lane *l)
{
    return l->event_at < l->event_count || l->queues[RESUMING].first ||
           l->queues[ASKING].first || l->queues[LOST].first ||
           l->record_count >= FULL_BATCH;
}
