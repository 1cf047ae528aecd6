#include "parts.h"

void enqueue(wire *w, int which)
{
    queue *q = &w->lane->queues[which];

    if (w->is_in & 1 << which)
        return;
    w->is_in |= (uint8_t)(1 << which);
    w->next_in[which] = NULL;
    if (q->last)
        q->last->next_in[which] = w;
    else
        q->first = w;
    q->last = w;
}

wire *dequeue(lane *l, int which)
{
    queue *q = &l->queues[which];
    wire *w = q->first;

    if (!w)
        return NULL;
    q->first = w->next_in[which];
    if (!q->first)
        q->last = NULL;
    w->is_in &= (uint8_t) ~(1 << which);
    return w;
}

void unqueue(wire *w, int which)
{
    queue *q = &w->lane->queues[which];
    wire **at = &q->first, *before = NULL;

    if (!(w->is_in & 1 << which))
        return;
    for (; *at != w; at = &(*at)->next_in[which])
        before = *at;
    *at = w->next_in[which];
    if (q->last == w)
        q->last = before;
    w->is_in &= (uint8_t) ~(1 << which);
}
