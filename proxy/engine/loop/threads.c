#include "parts.h"

#include <errno.h>
#include <signal.h>

/* The caller stands still while its threads work, so that what is not a lane's own
 * needs no lock; the duplicate keys of a work, which lanes share, have theirs. */

static lane_work *wait_for_work(threads *c, unsigned *done)
{
    lane_work *work;

    pthread_mutex_lock(&c->lock);
    while (c->turn == *done)
        pthread_cond_wait(&c->begun, &c->lock);
    *done = c->turn;
    work = c->work;
    pthread_mutex_unlock(&c->lock);
    return work;
}

static void report(threads *c)
{
    pthread_mutex_lock(&c->lock);
    if (!--c->busy)
        pthread_cond_signal(&c->ended);
    pthread_mutex_unlock(&c->lock);
}

static void *live(void *its_lane)
{
    lane *l = its_lane;
    threads *c = &l->engine->threads;
    lane_work *work;
    unsigned done = 0;

    while ((work = wait_for_work(c, &done))) {
        work(l);
        report(c);
    }
    return NULL;
}

static void begin(threads *c, lane_work *work)
{
    pthread_mutex_lock(&c->lock);
    c->work = work;
    c->busy = c->thread_count;
    c->turn++;
    pthread_cond_broadcast(&c->begun);
    pthread_mutex_unlock(&c->lock);
}

bool threads_start(engine *e)
{
    threads *c = &e->threads;
    sigset_t all, before;
    int code = 0;

    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->begun, NULL);
    pthread_cond_init(&c->ended, NULL);
    c->is_open = true;
    sigfillset(&all); /* signals are the caller's, which is Python's main thread */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (!code && c->thread_count + 1 < e->lane_count) {
        lane *its = e->lanes[c->thread_count + 1];

        code = pthread_create(&c->threads[c->thread_count], NULL, live, its);
        c->thread_count += !code;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = code;
    return !code;
}

void threads_stop(engine *e)
{
    threads *c = &e->threads;

    if (!c->is_open)
        return;
    begin(c, NULL);
    while (c->thread_count)
        pthread_join(c->threads[--c->thread_count], NULL);
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->begun);
    pthread_cond_destroy(&c->ended);
}

void threads_do(engine *e, lane_work *work)
{
    threads *c = &e->threads;

    if (c->thread_count)
        begin(c, work);
    work(e->lanes[0]);
    if (!c->thread_count)
        return;
    pthread_mutex_lock(&c->lock);
    while (c->busy)
        pthread_cond_wait(&c->ended, &c->lock);
    pthread_mutex_unlock(&c->lock);
}
