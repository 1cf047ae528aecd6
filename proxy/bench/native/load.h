/* The load: many miners on one thread, and every share that they send really hashed. */
#ifndef BASELOAD_BENCH_LOAD_H
#define BASELOAD_BENCH_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "latency.h"

#define MAX_LINE_BYTES 65536 /* of a server; a peer with longer ones is left */
#define MAX_WINDOW 64        /* shares of a miner that wait for their answers */
#define MAX_WORKER_BYTES 64
#define MAX_NOTICES 4096 /* jobs that are kept in mind; later ones are not timed */
#define MAX_CODES 16     /* of refusals; what is beyond goes to the first of them */

typedef struct load load;

/* Sums since the beginning. sent = accepted + rejected + in_flight + lost. */
typedef struct {
    double at;           /* when these were read: monotonic seconds */
    uint64_t sent;       /* shares */
    uint64_t accepted;
    uint64_t rejected;
    uint64_t in_flight;
    uint64_t lost;       /* the connection ended before the answer */
    uint64_t retargets;  /* difficulties that miners were told */
    uint64_t skipped;    /* due by the pace, but the miner's window was full */
    uint64_t working;    /* miners that are authorised and have a job, now */
    uint64_t opened;     /* connections tried */
    uint64_t failed;     /* of them, never connected, or refused by the server */
    uint64_t dropped;    /* ended by the server, or for what it said */
    uint64_t closed;     /* ended by us */
    int error;           /* errno of the last one that failed */
    double working_at;   /* when the last miner began to work */
    uint64_t code_count;
    uint64_t codes[MAX_CODES], refusals[MAX_CODES];
} totals;

/* When a job came, by its id: to the first and to the last of those who got it. */
typedef struct {
    double first, last;
    uint64_t count;
} notice;

typedef enum { TIME_IS_UP, ALL_WORK, ALL_ANSWERED } goal;

/* Miners of a server at an IPv4 address, up to `room` of them. NULL: errno.
 *
 * Their workers are `worker`0, 1 and so on. Where the server wants shares that are too
 * hard to find, they are mined at `fallback`, and it may refuse them.
 */
load *load_new(const char *address, uint16_t port, const char *worker, size_t room,
               double fallback);
void load_free(load *l);

/* Connect `count` more, `per_second` of them (0: all at once); those that do not
 * submit are there to have work. */
void load_open(load *l, size_t count, double per_second, bool submit);

/* Hang up on `count` of those that work, the longest untouched first. */
void load_close(load *l, size_t count);

/* Keep `window` shares of each miner in flight; 0: send no more. With a pace, send so
 * many a second in all instead, and no more than `window` before an answer. */
void load_submit(load *l, unsigned window, double pace);

/* Send shares that miss the difficulty. */
void load_miss(load *l, bool misses);

/* Run for `seconds` or until the goal; return whether it was reached. */
bool load_run(load *l, double seconds, goal until);

void load_totals(const load *l, totals *out);
const latency *load_replies(const load *l);
void load_forget(load *l); /* replies and notices until now */
const notice *load_notices(const load *l, size_t *count);

#endif
