#include "parts.h"

#include <sys/timerfd.h>

static void unqueue(wire *w, int which)
{
    queue *q = &w->lane->queues[which];
    wire *next = w->next_in[which], *before = w->before_in[which];

    if (!(w->is_in & 1 << which))
        return;
    if (before)
        before->next_in[which] = next;
    else
        q->first = next;
    if (next)
        next->before_in[which] = before;
    else
        q->last = before;
    w->is_in &= (uint8_t) ~(1 << which);
}

void enqueue(wire *w, int which)
{
    queue *q = &w->lane->queues[which];

    if (w->is_in & 1 << which)
        return;
    w->is_in |= (uint8_t)(1 << which);
    w->next_in[which] = NULL;
    w->before_in[which] = q->last;
    if (q->last)
        q->last->next_in[which] = w;
    else
        q->first = w;
    q->last = w;
}

wire *dequeue(lane *l, int which)
{
    wire *w = l->queues[which].first;

    if (w)
        unqueue(w, which);
    return w;
}

void leave_queues(wire *w)
{
    for (int which = 0; which < QUEUES; which++)
        unqueue(w, which);
}

void wake_at_once(const engine *e)
{
    const struct itimerspec soon = {.it_value.tv_nsec = 1};

    timerfd_settime(e->timer, 0, &soon, NULL);
}
