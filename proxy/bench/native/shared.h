/* What the files of the load share; `load.h` says what others see. */
#ifndef BASELOAD_BENCH_SHARED_H
#define BASELOAD_BENCH_SHARED_H

#include <netinet/in.h>
#include <time.h>

#include "load.h"
#include "rest.h"
#include "work.h"

enum {
    RECEIVE_BYTES = 65536,
    MIDDLE_BYTES = 384, /* of a submit: worker, job, extranonce2, ntime, and keys */
    SHARE_BYTES = MIDDLE_BYTES + 40, /* with id and nonce */
};

/* One miner; its place is used again when it is gone. */
typedef struct miner {
    int fd; /* -1: none */
    bool is_connected, is_subscribed, is_authorized, is_working, submits, wants_out;
    uint8_t extranonce2_size;
    unsigned in_flight;
    uint32_t next_id;
    size_t number;
    double difficulty; /* last told: it rules from the next job on */
    hash_range wanted;
    job *job;
    bool has_work;
    extranonce extranonce1;
    work work;
    size_t middle_size;
    char middle[MIDDLE_BYTES];
    rest rest;
    char *unsent;
    size_t unsent_size;
    uint32_t ids[MAX_WINDOW]; /* of shares in flight, at id % MAX_WINDOW; 0: none */
    uint64_t sent_at[MAX_WINDOW];
} miner;

typedef struct {
    char id[MAX_JOB_ID_BYTES + 1];
} notice_id;

struct load {
    struct sockaddr_in server;
    char worker[MAX_WORKER_BYTES + 1];
    double fallback;
    bool misses;
    unsigned window;
    double pace, paced;
    uint64_t paced_from;
    size_t next_paced;
    miner *miners;
    size_t room, next_place, next_closed, numbers;
    size_t to_open;
    double open_rate, open_credit;
    uint64_t open_from;
    bool open_submits;
    int epoll, timer;
    uint64_t now; /* ns */
    uint64_t came; /* when the kernel had what is being heard, or when we did */
    uint64_t epoch; /* ns of the wall clock at 0 of ours */
    totals sum;
    latency replies;
    job *newest;
    size_t notice_count;
    notice notices[MAX_NOTICES];
    notice_id notice_ids[MAX_NOTICES];
    char received[MAX_LINE_BYTES + RECEIVE_BYTES];
    char out[MAX_WINDOW * SHARE_BYTES];
};

/* ---- state.c ---- */

uint64_t ns_of(clockid_t clock);
uint64_t clock_ns(void); /* CLOCK_MONOTONIC */

/* ---- open.c ---- */

void open_some(load *l); /* of the connections that are due */

/* ---- miner.c ---- */

void miner_greet(load *l, miner *m);   /* it is connected: subscribe, authorise */
void miner_receive(load *l, miner *m); /* its socket is readable */
void miner_send_unsent(load *l, miner *m);
void miner_hang_up(load *l, miner *m, uint64_t *why); /* counted in `why` */

/* Fill its window. */
void miner_refill(load *l, miner *m);

/* Send one share; false: its window is full, or it cannot. */
bool miner_submit_one(load *l, miner *m);

/* ---- hear.c ---- */

/* Take in one line of the server's; false: it cannot be worked with. */
bool miner_hear(load *l, miner *m, const char *line, size_t size);

#endif
