/* What an engine is made of: for its own files alone.
 *
 * queue.c  wires that wait for something
 * send.c   bytes on their way out, and the end of a connection
 * judge.c  a share: verdict, count, answer, record
 * read.c   bytes that came in, line by line
 * accept.c new connections
 * turn.c   a lane's turn, from epoll to answers
 * crew.c   a thread for each lane, while a turn lasts
 * lanes.c  the life of an engine, and what its caller asks of all lanes
 * wire.c   one connection, as Python sets it up
 * group.c  the jobs of a group, and how they are told
 */
#ifndef BASELOAD_PARTS_H
#define BASELOAD_PARTS_H

#define _GNU_SOURCE

#include <pthread.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <time.h>

#include "wire.h"

enum {
    RECEIVE_BYTES = 65536,
    ANSWER_BYTES = MAX_ID_BYTES + 128, /* the longest is 125 B with its id */
    LOOK_AT_CLOCK = 16, /* every so many lines */
    MAX_LISTENERS = 64,
};

typedef struct {
    double difficulty;
    int64_t seq;
    uint8_t target[32];
} wire_terms;

typedef struct lane lane;

typedef struct queue {
    wire *first, *last;
} queue;

struct wire {
    int fd; /* -1: closed */
    lane *lane;
    void *miner;
    group *group;
    wire *group_next, *group_before;
    wire *next_dead;
    wire *next_in[5];
    uint8_t is_in; /* bits: queues that it stands in */
    bool is_subscribed, is_granted, is_new, wants_out;
    uint8_t slot_size, term_count;
    uint16_t worker_count, worker_room;
    uint32_t version_mask, mask_told, shares_left;
    double wish;
    char *kept; /* received, not yet looked at or fetched */
    size_t kept_size;
    char *unsent;
    size_t unsent_size;
    worker **workers;
    tally sum;
    uint8_t slot[MAX_EXTRANONCE_BYTES];
    wire_terms terms[MAX_TERMS];
};

typedef struct {
    void *owner;
    job *row;
    int64_t seq;
    double stale_at, ceiling;
    uint32_t mask;
    uint8_t id_size;
    char id[MAX_JOB_ID_BYTES];
} live_job;

struct group {
    live_job *jobs; /* oldest first */
    size_t job_count, job_room;
    wire *first;
    size_t size;
};

typedef struct {
    wire *to;
    size_t start, end;
} answer;

/* A share that is judged as soon as another can be hashed with it. */
typedef struct {
    bool is_set;
    job *row;
    terms how;
    submit share; /* its texts are copies */
    char id[MAX_ID_BYTES];
    record found;
} half;

/* A wire waits in a queue at most once. */
enum { RESUMING, ASKING, DUE, LOST, TOUCHED };

/* What one thread works on in a turn. Between turns the caller has it. */
struct lane {
    engine *engine;
    unsigned number; /* its place among the engine's */
    int inner;
    size_t wire_count;
    double now, wall;
    struct timespec started;
    unsigned lines;
    struct epoll_event events[MAX_EVENTS];
    int event_count, event_at;
    queue queues[5];
    wire *dead;
    worker *touched;
    record records[MAX_RECORDS];
    size_t record_count;
    answer answers[MAX_RECORDS];
    size_t answer_count, answer_bytes;
    bool has_block;
    half half;
    uint32_t verdicts[VERDICTS];
    double work;
    char received[MAX_LINE_BYTES + RECEIVE_BYTES + 2];
    char answer_text[MAX_RECORDS * ANSWER_BYTES];
};

typedef void lane_work(lane *l);

/* The threads of the lanes but the first, which is the caller's own. */
typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t begun, ended;
    pthread_t threads[MAX_LANES];
    unsigned thread_count;
    bool is_open;
    unsigned turn; /* counts up: a thread does each once */
    unsigned busy; /* threads that are not done with it */
    lane_work *work; /* NULL: to end */
} crew;

struct engine {
    int outer, timer;
    int listeners[MAX_LISTENERS];
    size_t listener_count;
    bool is_crowded;
    arrival arrivals[MAX_ACCEPTS];
    size_t arrival_count;
    lane *lanes[MAX_LANES];
    unsigned lane_count;
    crew crew;
};

/* ---- queue.c ---- */

void enqueue(wire *w, int which); /* at its end, unless it stands there already */
wire *dequeue(lane *l, int which); /* NULL: nobody waits */
void unqueue(wire *w, int which);

/* ---- send.c ---- */

bool watch(wire *w, int how, bool wants_out); /* how: as epoll_ctl has it */
void wake_at_once(const engine *e); /* the next turn shall not wait */
void lose(wire *w); /* close it, and let Python know */
void send_unsent(wire *w);

/* ---- judge.c ---- */

void judge_share(wire *w, const submit *s);
void settle_half(lane *l); /* judge the share that waits for another */

/* ---- read.c ---- */

bool is_over(lane *l); /* the turn: it is full, or has taken its time */
void look_at(wire *w, size_t size); /* at so many bytes of `received` */
void receive(wire *w);

/* ---- accept.c ---- */

void accept_some(engine *e, int *listener);
bool is_listener(const engine *e, const void *tag); /* what an event names */

/* ---- turn.c ---- */

lane *lane_new(engine *e, unsigned number); /* NULL: errno */
void lane_free(lane *l);
void lane_run(lane *l);
void lane_answer(lane *l);
bool lane_is_busy(const lane *l); /* there is more to do at once */

/* ---- crew.c ---- */

bool crew_start(engine *e); /* false: errno, and none was left running */
void crew_stop(engine *e);
void crew_do(engine *e, lane_work *work); /* on every lane; return when all are done */

#endif
