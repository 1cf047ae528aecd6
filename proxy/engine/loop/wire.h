/* The connections of a site's miners: sockets, lines, verdicts, answers.
 *
 * An engine has lanes: each an epoll of its own, and a thread that works on it while
 * engine_run() or engine_answer() lasts; they return when all lanes are done, so that
 * nothing of an engine moves but within them. engine_run() reads and judges; its
 * caller makes the verdicts durable and then calls engine_answer(). Lines that are no canonical
 * submit of a miner at work are kept, in order, until wire_ask() fetches them.
 * Pointers to `void` are the caller's: they are kept and handed back, no more.
 *
 * Whose a wire is:
 * - Who made it owns it and frees it, once. Its memory stays until the next turn
 *   begins, because events, records and answers of this one may name it.
 * - A wire stands in queues, which engine_next_..() empty, until its end is told:
 *   engine_next_lost() returns it once, and from then on nothing else does. A channel
 *   is out of them when it is closed or its owner frees it.
 * - So its owner must live until then. `engine.pyx` sees to that: an Engine holds each
 *   Wire until it is lost, a Wire its miner, and a miner its Channel until that is
 *   closed.
 * - There are no locks but those of threads.c: calls never overlap, on whichever threads they
 *   are made. They are made under Python's GIL, which a turn does not release: garbage
 *   may be collected, and a wire freed, on any thread, but never while lanes work.
 */
#ifndef BASELOAD_WIRE_H
#define BASELOAD_WIRE_H

#include "share.h"

#define MAX_LINE_BYTES 16384 /* protocol.sv1.server says why */
#define MAX_UNSENT_BYTES 65536 /* a miner this far behind has stopped reading */
#define MOST_UNSENT_BYTES (16 << 20) /* of a connection, however many miners it has */
#define MOST_UNSENT_MESSAGES (64 << 20) /* besides: two of the largest for each miner */
#define MAX_RECORDS 1024 /* verdicts of a turn */
#define MAX_EVENTS 512 /* sockets of a turn */
#define MAX_ACCEPTS 256 /* new connections of a turn */
#define MAX_TERMS 8
#define MAX_LANES 16 /* threads of an engine */
#define MAX_LISTENERS 64 /* at a time */
#define TURN_NS 2000000 /* a turn ends after 2 ms */
#define REST_NS 900000 /* while little comes in, a turn each millisecond or so */
#define FULL_BATCH 64 /* verdicts that are worth a commit of their own */
#define BLOCK_SPACING 0.1 /* seconds between turns that a block ends before their time */
#define HASHRATE_CLASSES 128 /* of miners: proxy.jobs.ports says which */
#define TAP_BYTES (1 << 20) /* of a recorded connection: four of the largest jobs */
#define LISTED_REJECTS 60 /* of a worker in a minute: the ledger stores no more */

typedef struct engine engine;
typedef struct wire wire;
typedef struct group group;

/* Why a connection of Stratum V2 cannot be read any further. */
typedef enum { NO_FAULT, NOT_AUTHENTIC, TOO_LONG } fault;

/* A worker's shares since its sums were fetched. */
typedef struct worker {
    void *name; /* the caller's text object */
    uint8_t size;
    char text[MAX_WORKER_BYTES];
    uint32_t accepted;
    uint32_t unlisted; /* rejected, and without a record */
    double work;
    int64_t minute; /* that `listed` counts in */
    uint32_t listed;
    bool is_touched;
    struct worker *next_touched;
} worker;

/* A verdict of this turn. */
typedef struct {
    wire *from;
    worker *by;
    void *job; /* the owner of the job; NULL: no such job lives */
    double difficulty;
    judgement got;
    uint32_t ntime;
    uint32_t nonce;
    uint8_t extranonce2_size;
    uint8_t extranonce2[MAX_EXTRANONCE_BYTES];
    uint8_t job_id_size; /* as spelled */
    char job_id[MAX_JOB_ID_BYTES];
} record;

/* What a miner did since its tally was fetched. */
typedef struct {
    uint32_t accepted;
    uint32_t rejected[VERDICTS];
    double work;
    double work2; /* sum of the squares */
    double heard_at;
    double share_at; /* of the last accepted one */
    double bad_since; /* of the first reject after that */
    bool has_bad;
} tally;

/* A connection that was accepted; its peer as text. */
typedef struct {
    int fd;
    int listener;
    char peer[48];
} arrival;

/* ---- the engine ---- */

engine *engine_new(unsigned lanes); /* 1 to MAX_LANES; NULL: errno */
unsigned engine_lanes(const engine *e);
void engine_free(engine *e);
int engine_fd(const engine *e); /* readable: call engine_run */
bool engine_listen(engine *e, int fd); /* again after a rest; false: errno */
void engine_unlisten(engine *e, int fd);

/* Read and judge for one turn at `now` (monotonic seconds), `wall` (Unix seconds). */
void engine_run(engine *e, double now, double wall);

/* What the turn found. Each list is valid until the next turn. */
const record *engine_records(const engine *e, unsigned lane, size_t *count);
const arrival *engine_arrivals(const engine *e, size_t *count);
bool engine_can_encrypt(const engine *e); /* there is a libcrypto */
bool engine_is_crowded(const engine *e); /* no descriptor is left: a listener rests */
double engine_verdicts(const engine *e, uint32_t verdicts[VERDICTS]); /* their work */
worker *engine_next_sums(engine *e); /* whose sums changed; NULL: no more */

/* Send the answers of this turn: its verdicts are durable. */
void engine_answer(engine *e);

wire *engine_next_due(engine *e); /* its window of shares is full; NULL: no more */
wire *engine_next_asking(engine *e); /* has lines to fetch; NULL: no more */
wire *engine_next_lost(engine *e); /* is gone; NULL: no more */
wire *engine_next_touched(engine *e); /* was heard since; NULL: no more */
/* What the turn found is waited for: nothing wakes the caller until engine_rest(). */
void engine_pause(engine *e);
/* End the turn: wait for what comes next. True: there is more to do at once. */
bool engine_rest(engine *e);

/* ---- one connection ---- */

wire *wire_new(engine *e, int fd); /* NULL: errno; takes over `fd` */
void wire_free(wire *w);
void wire_set_owner(wire *w, void *owner);
void *wire_owner(const wire *w); /* NULL: it was freed in this turn */
const uint8_t *wire_slot(const wire *w, size_t *size);
bool wire_is_open(const wire *w);
bool wire_fell_behind(const wire *w); /* it was closed because its peer does not read */
/* What is written until the release leaves in one piece: a system call for a newcomer
 * and not one for each of its answers. */
void wire_hold(wire *w);
void wire_release(wire *w);
void wire_hang_up(wire *w); /* at once, without what is unsent */
void wire_part(wire *w); /* what the kernel was given is still sent */
void wire_write(wire *w, const char *data, size_t size);

/* Fetch the next line that is not for the engine, without its newline; false: none.
 * It is valid until the next call for any wire. One byte longer than a line may be:
 * there is no end to it. */
bool wire_ask(wire *w, const char **line, size_t *size);
void wire_wait(wire *w); /* ask again in the next turn */

void wire_settle(wire *w, tally *out);

/* Copies of what Python decides. */
void wire_set_session(wire *w, bool is_subscribed, uint32_t mask, uint32_t mask_told);
void wire_set_granted(wire *w, bool is_granted);
void wire_set_requested(wire *w, double difficulty, uint32_t shares_left); /* 0: for ever */
bool wire_set_slot(wire *w, const uint8_t *slot, size_t size);
bool wire_add_worker(wire *w, const char *text, size_t size, void *name);
void wire_add_terms(wire *w, int64_t seq, double difficulty, const uint8_t target[32]);
void wire_join(wire *w, group *g); /* NULL: leave */
void wire_set_class(wire *w, unsigned hashrate_class); /* below HASHRATE_CLASSES */

/* ---- Stratum V2 ---- */

/* Let wire_ask fetch the first `size` B as they come, and look at nothing until it is
 * known what they are: then wire_unread() or wire_encrypt() follows. */
void wire_hand_up_first(wire *w, size_t size);
/* Lines, and these were the first bytes of them. False: no memory. */
bool wire_unread(wire *w, const char *data, size_t size);
/* Frames from here on, under these keys. wire_write() takes whole ones in the clear,
 * and wire_ask() fetches one at a time. False: no memory, or no libcrypto. */
bool wire_encrypt(wire *w, const uint8_t in[32], uint64_t in_nonce,
                  const uint8_t out[32], uint64_t out_nonce);
fault wire_fault(const wire *w); /* after wire_ask() had nothing */
size_t wire_frame_size(const wire *w); /* of the payload that was too long */

/* A channel is a wire without a socket: it has a miner, jobs, terms and counters of
 * its own, and is judged once it is open on its carrier. NULL: no memory. */
wire *wire_channel(wire *carrier);
/* `filling_size`: zeros between its slot and what it rolls. False: no memory. */
bool wire_open_channel(wire *w, wire *carrier, uint32_t id, size_t filling_size,
                       bool is_standard);
void wire_close_channel(wire *w); /* its shares are strangers' from now on */

/* ---- what a connection says and hears, for whoever looks for a fault ---- */

/* A piece of that: what was read at once, or written at once; of Stratum V2 a frame
 * that came, or whole ones that went, in the clear. */
typedef struct {
    double at; /* Unix seconds */
    uint32_t size;
    uint32_t missed; /* pieces of the same way before it: nobody fetched in time */
    bool is_ours; /* else the miner's */
} tapped;

/* Record from here on, with what came before and was not looked at yet. False: it is
 * recorded already, is gone, or there is no memory. */
bool wire_tap(wire *w);
/* The oldest piece, and forget it; false: there is none. `data` is valid until the next
 * turn or write. A wire that was lost has its last ones still. */
bool wire_next_tapped(wire *w, tapped *head, const char **data);
void wire_untap(wire *w);

/* ---- jobs of a group ---- */

group *group_new(void);
void group_free(group *g); /* its wires leave it */
size_t group_size(const group *g);
bool group_post(group *g, const char *id, size_t size, int64_t seq, job *row,
                uint32_t mask, double ceiling, void *owner);
void group_make_stale(group *g, int64_t seq, double at);
void group_retire(group *g, int64_t seq);

/* The newest job of a group, as its wires are to be told of it. */
typedef struct {
    group *to;
    const char *line;
    size_t size;
} notice;

/* A wire that has to be told of its group's job, `notices[of]`, in another way. */
typedef struct {
    wire *to;
    size_t of;
} untold;

/* Write each notice to all wires of its group that need nothing else with it, those of
 * the highest class first, of whichever group they are. The others go to `others`, room
 * for all of the groups, in the same order. Return their number. */
size_t groups_notify(const notice *notices, size_t count, untold *others);

#endif
