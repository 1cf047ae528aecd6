/* What an engine is made of: for its own files alone.
 *
 * In this order, so that a file calls none that stands below it:
 *
 * queue.c  wires that wait for something
 * tap.c    what a connection says and hears, recorded
 * channels.c the channels of a connection of Stratum V2
 * send.c   bytes on their way out, and the end of a connection
 * kept.c   bytes that came in and wait, and whether a turn is over
 * noise_frames.c what is sealed on its way out
 * write.c  what is written to a wire, sealed or not
 * answers.c what a channel of Stratum V2 hears of its shares
 * judge.c  a share: verdict, count, answer, record
 * frames.c bytes that came in on a connection of Stratum V2, frame by frame
 * read.c   bytes that came in, line by line
 * accept.c new connections
 * turn.c   a lane's turn, from epoll to answers
 * threads.c a thread for each lane, while a turn lasts
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

#include "seal.h"
#include "wire.h"

enum {
    RECEIVE_BYTES = 65536,
    ANSWER_BYTES = MAX_ID_BYTES + 128, /* the longest is 125 B with its id */
    LOOK_AT_CLOCK = 16, /* every so many lines */
    HEADER_BYTES = 6, /* of a frame; protocol.sv2.frame has the layout */
    MAX_CHUNK_BYTES = 65535 - MAC_BYTES, /* sealed at once */
    MAX_PAYLOAD_BYTES = 0x14000, /* protocol.sv2.server says why */
    MAX_KEPT_BYTES = MAX_PAYLOAD_BYTES + 2 * MAC_BYTES, /* a frame not yet whole */
    SEALED_BYTES = 2 * 65536,
};

typedef struct {
    double difficulty;
    int64_t seq;
    uint8_t target[32];
} wire_terms;

typedef struct lane lane;
typedef struct tap tap;

/* A wire waits in a queue at most once, and leaves all of them for good when it was
 * told to be lost, or a channel is closed. */
enum { RESUMING, ASKING, DUE, LOST, TOUCHED, ACCEPTING, QUEUES };

typedef struct queue {
    wire *first, *last;
} queue;

/* What a connection of Stratum V2 has besides, once its handshake is done. */
typedef struct {
    seal_key in, out;
    uint8_t header[HEADER_BYTES]; /* opened, of the frame that is under way */
    bool has_header;
    size_t payload_size;
    uint8_t *aside; /* a frame that was opened, and neither judged nor fetched */
    size_t aside_size;
    fault fault;
    wire **channels; /* by id */
    size_t channel_count, channel_room;
} noise_session;

/* What a channel of Stratum V2 has besides. It is a wire without a socket: a miner
 * like any other, whose bytes come and go on its carrier. */
typedef struct {
    wire *carrier; /* NULL: it is not open */
    uint32_t id;
    bool is_standard;
    uint8_t filling_size; /* zeros between its slot and what it rolls */
    uint32_t last_accepted, accepted; /* not yet answered: see answer_accepted() */
    double work;
} channel;

struct wire {
    int fd; /* -1: closed */
    lane *lane;
    void *owner;
    group *group;
    wire *group_next, *group_before;
    wire *next_dead;
    noise_session *noise; /* NULL: lines, and in the clear */
    channel *channel; /* NULL: it has a socket */
    tap *tap; /* NULL: it is not recorded, as nearly always */
    wire *next_in[QUEUES], *before_in[QUEUES];
    uint8_t is_in; /* bits: queues that it stands in */
    bool is_subscribed, is_granted, is_new, wants_out;
    bool is_held; /* what is written waits for wire_release */
    uint8_t slot_size, term_count;
    uint8_t hashrate_class;
    uint8_t first_bytes; /* that Python is to have before it is known what they are */
    uint16_t worker_count, worker_room;
    uint32_t version_mask, mask_told, shares_left;
    double requested; /* difficulty */
    char *kept; /* received, not yet looked at or fetched */
    size_t kept_size;
    char *unsent;
    size_t unsent_size;
    size_t largest; /* of the messages of which something is unsent */
    bool fell_behind; /* that is why it was closed */
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
    wire *first[HASHRATE_CLASSES]; /* by class; the last to come first */
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
} waiting_share;

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
    queue queues[QUEUES];
    wire *dead;
    worker *touched;
    record records[MAX_RECORDS];
    size_t record_count;
    answer answers[MAX_RECORDS];
    size_t answer_count, answer_bytes;
    bool has_block; /* that ends the turn */
    double block_at; /* when one last did */
    waiting_share waiting;
    uint32_t verdicts[VERDICTS];
    double work;
    sealer *sealer; /* NULL: no libcrypto, and no Stratum V2 */
    size_t opened_size;
    char received[MAX_KEPT_BYTES + RECEIVE_BYTES];
    uint8_t opened[HEADER_BYTES + MAX_PAYLOAD_BYTES];
    uint8_t sealed[SEALED_BYTES];
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
} threads;

struct engine {
    int outer, timer;
    int listeners[MAX_LISTENERS]; /* -1: a free place */
    bool is_crowded;
    arrival arrivals[MAX_ACCEPTS];
    size_t arrival_count;
    lane *lanes[MAX_LANES];
    unsigned lane_count;
    threads threads;
};

/* ---- queue.c ---- */

void enqueue(wire *w, int which); /* at its end, unless it stands there already */
wire *dequeue(lane *l, int which); /* NULL: nobody waits */
void leave_queues(wire *w);
void wake_at_once(const engine *e); /* the next turn shall not wait */

/* ---- tap.c ---- */

void note_piece(wire *w, bool is_ours, const char *data, size_t size); /* of a tap */

/* ---- channels.c ---- */

wire *find_channel(const noise_session *t, uint32_t id); /* NULL: none has it */
size_t unsent_limit(const wire *w); /* bytes: see proxy.runtime.outbox */
void noise_free(noise_session *t);

/* ---- send.c ---- */

bool watch(wire *w, int how, bool wants_out); /* how: as epoll_ctl has it */
void lose(wire *w); /* close it, and let Python know */
void send_bytes(wire *w, const char *data, size_t size);
void send_unsent(wire *w);

/* ---- kept.c ---- */

bool is_over(lane *l); /* the turn: it is full, or has taken its time */
void keep(wire *w, const char *data, size_t size); /* instead of what it kept */

/* ---- noise_frames.c ---- */

void send_frames(wire *w, const char *data, size_t size); /* whole ones, unsealed */

/* ---- write.c ---- */

/* Answers, many in one: how many a miner asks for is no measure of what it may owe. */
void write_answers(wire *w, const char *data, size_t size);

/* ---- judge.c ---- */

bool is_at_work(const wire *w); /* else its shares are not for the engine */
void judge_share(wire *w, submit *s);
void settle_waiting(lane *l); /* judge the share that waits for another */

/* ---- answers.c ---- */

size_t channel_refuses(const wire *w, char *out, uint32_t sequence, verdict why);
void channel_accepts(wire *w, uint32_t sequence, double difficulty);
void answer_accepted(lane *l); /* one for all shares of a channel */

/* ---- read.c ---- */

void look_at(wire *w, size_t size); /* at so many bytes of `received` */
void receive(wire *w);

/* ---- frames.c ---- */

size_t read_frames(wire *w, const char *data, size_t size); /* how much is done with */
bool ask_frame(wire *w, const char **frame, size_t *size);

/* ---- accept.c ---- */

void accept_some(engine *e, int *listener);
bool is_listener(const engine *e, const void *tag); /* what an event names */

/* ---- turn.c ---- */

lane *lane_new(engine *e, unsigned number); /* NULL: errno */
void lane_free(lane *l);
void lane_run(lane *l);
void lane_answer(lane *l);
bool lane_is_busy(const lane *l); /* there is more to do at once */

/* ---- threads.c ---- */

bool threads_start(engine *e); /* false: errno, and none was left running */
void threads_stop(engine *e);
void threads_do(engine *e, lane_work *work); /* on every lane; return when all are done */

#endif
