#define _GNU_SOURCE
#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

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

typedef struct queue {
    wire *first, *last;
} queue;

struct wire {
    int fd; /* -1: closed */
    engine *engine;
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

struct engine {
    int outer, inner, timer;
    int listeners[MAX_LISTENERS];
    size_t listener_count;
    bool is_crowded, is_listening_late;
    double now, wall;
    struct timespec started;
    unsigned lines;
    struct epoll_event events[MAX_EVENTS];
    int event_count, event_at;
    queue queues[5];
    wire *dead;
    worker *touched;
    arrival arrivals[MAX_ACCEPTS];
    size_t arrival_count;
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

/* ---- queues ---- */

static void enqueue(wire *w, int which)
{
    queue *q = &w->engine->queues[which];

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

static wire *dequeue(engine *e, int which)
{
    queue *q = &e->queues[which];
    wire *w = q->first;

    if (!w)
        return NULL;
    q->first = w->next_in[which];
    if (!q->first)
        q->last = NULL;
    w->is_in &= (uint8_t) ~(1 << which);
    return w;
}

static void unqueue(wire *w, int which)
{
    queue *q = &w->engine->queues[which];
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

/* ---- writing ---- */

static bool watch(wire *w, int how, bool wants_out)
{
    struct epoll_event event = {
        .events = EPOLLIN | (wants_out ? EPOLLOUT : 0),
        .data.ptr = w,
    };

    w->wants_out = wants_out;
    return !epoll_ctl(w->engine->inner, how, w->fd, &event);
}

static void wake_at_once(engine *e)
{
    const struct itimerspec soon = {.it_value.tv_nsec = 1};

    timerfd_settime(e->timer, 0, &soon, NULL);
}

static void lose(wire *w)
{
    if (w->fd < 0)
        return;
    close(w->fd); /* which takes it out of the epoll as well */
    w->fd = -1;
    free(w->kept);
    free(w->unsent);
    w->kept = w->unsent = NULL;
    w->kept_size = w->unsent_size = 0;
    enqueue(w, LOST);
    wake_at_once(w->engine);
}

static void keep_unsent(wire *w, const char *data, size_t size)
{
    char *more;

    if (w->unsent_size + size > MAX_UNSENT_BYTES ||
        !(more = realloc(w->unsent, w->unsent_size + size))) {
        lose(w); /* dropped, not buffered */
        return;
    }
    memcpy(more + w->unsent_size, data, size);
    w->unsent = more;
    w->unsent_size += size;
    if (!w->wants_out && !watch(w, EPOLL_CTL_MOD, true))
        lose(w);
}

/* Send what the kernel takes; return how much, or -1 if the peer is gone. */
static ssize_t send_some(wire *w, const char *data, size_t size)
{
    ssize_t sent = send(w->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (sent >= 0)
        return sent;
    return errno == EAGAIN || errno == EINTR || errno == ENOBUFS ? 0 : -1;
}

void wire_write(wire *w, const char *data, size_t size)
{
    ssize_t sent = 0;

    if (w->fd < 0 || !size)
        return;
    if (!w->unsent_size)
        sent = send_some(w, data, size);
    if (sent < 0)
        lose(w);
    else if ((size_t)sent < size)
        keep_unsent(w, data + sent, size - (size_t)sent);
}

static void send_unsent(wire *w)
{
    ssize_t sent = send_some(w, w->unsent, w->unsent_size);

    if (sent < 0) {
        lose(w);
        return;
    }
    w->unsent_size -= (size_t)sent;
    if (w->unsent_size) {
        memmove(w->unsent, w->unsent + sent, w->unsent_size);
        return;
    }
    free(w->unsent);
    w->unsent = NULL;
    if (!watch(w, EPOLL_CTL_MOD, false))
        lose(w);
}

/* ---- judging ---- */

/* As protocol.sv1.codec.verdict_line writes them. */
#define REFUSED(code, text)                                                            \
    ",\"result\":null,\"error\":[" #code ",\"" text "\",null]}\n"

static const char *const TAILS[VERDICTS] = {
    [ACCEPTED] = ",\"result\":true,\"error\":null}\n",
    [STALE] = REFUSED(21, "Stale share"),
    [DUPLICATE] = REFUSED(22, "Duplicate share"),
    [LOW_DIFFICULTY] = REFUSED(23, "Low difficulty share"),
    [UNKNOWN_JOB] = REFUSED(21, "Job not found"),
    [UNAUTHORIZED] = REFUSED(24, "Unauthorized worker"),
    [BAD_NTIME] = REFUSED(20, "Ntime out of range"),
    [BAD_VERSION] = REFUSED(20, "Version bits outside the mask"),
    [MALFORMED] = REFUSED(20, "Malformed share"),
};

static void answer_share(wire *w, const submit *s, verdict v)
{
    engine *e = w->engine;
    char *out = e->answer_text + e->answer_bytes;
    answer *last = e->answer_count ? &e->answers[e->answer_count - 1] : NULL;
    size_t tail_size = strlen(TAILS[v]);

    if (s->id_size == 4 && !memcmp(s->id, "null", 4))
        return; /* a notification */
    if (!last || last->to != w) {
        last = &e->answers[e->answer_count++];
        *last = (answer){w, e->answer_bytes, e->answer_bytes};
    }
    memcpy(out, "{\"id\":", 6);
    memcpy(out + 6, s->id, s->id_size);
    memcpy(out + 6 + s->id_size, TAILS[v], tail_size);
    e->answer_bytes += 6 + s->id_size + tail_size;
    last->end = e->answer_bytes;
}

static worker *find_worker(const wire *w, const submit *s)
{
    for (size_t i = 0; i < w->worker_count; i++)
        if (w->workers[i]->size == s->worker_size &&
            !memcmp(w->workers[i]->text, s->worker, s->worker_size))
            return w->workers[i];
    return NULL;
}

static const live_job *find_job(const group *g, const submit *s)
{
    char id[MAX_JOB_ID_BYTES];

    for (size_t i = 0; i < s->job_id_size; i++) /* ours are in lower case */
        id[i] = (char)(s->job_id[i] | (s->job_id[i] >= 'A' && s->job_id[i] <= 'Z') << 5);
    for (size_t i = g ? g->job_count : 0; i-- > 0;)
        if (g->jobs[i].id_size == s->job_id_size &&
            !memcmp(g->jobs[i].id, id, s->job_id_size))
            return &g->jobs[i];
    return NULL;
}

/* The terms at the job or now, whichever are easier: see Miner._required. */
static const wire_terms *required(const wire *w, int64_t seq)
{
    const wire_terms *now = &w->terms[w->term_count - 1], *at_job = &w->terms[0];

    for (int i = 0; i < w->term_count && w->terms[i].seq <= seq; i++)
        at_job = &w->terms[i];
    return now->difficulty < at_job->difficulty ? now : at_job;
}

static void count_worker(engine *e, worker *by, const record *r)
{
    if (!by->is_touched) {
        by->is_touched = true;
        by->next_touched = e->touched;
        e->touched = by;
    }
    e->verdicts[r->got.verdict]++;
    if (r->got.verdict == ACCEPTED) {
        by->accepted++;
        by->work += r->difficulty;
        e->work += r->difficulty;
    }
}

static void count_wire(wire *w, const record *r)
{
    tally *sum = &w->sum;
    double now = w->engine->now;

    if (r->got.verdict != ACCEPTED) {
        sum->rejected[r->got.verdict]++;
        if (!sum->has_bad) {
            sum->has_bad = true;
            sum->bad_since = now;
        }
        return;
    }
    sum->accepted++;
    sum->work += r->difficulty;
    sum->work2 += r->difficulty * r->difficulty;
    sum->share_at = now;
    sum->has_bad = false;
    if (w->shares_left && sum->accepted >= w->shares_left)
        enqueue(w, DUE);
}

/* Whether the ledger could store this reject: a flood is only counted. */
static bool is_listed(engine *e, worker *by)
{
    int64_t minute = (int64_t)floor(e->wall / 60);

    if (by->minute != minute) {
        by->minute = minute;
        by->listed = 0;
    }
    return by->listed++ < LISTED_REJECTS;
}

static void fill_terms(const wire *w, const live_job *at, terms *how, double *difficulty)
{
    const wire_terms *asked = required(w, at->seq);

    how->slot = w->slot;
    how->version_mask = w->version_mask & at->mask;
    how->is_stale = w->engine->now >= at->stale_at;
    memcpy(how->target, asked->target, 32);
    *difficulty = asked->difficulty;
}

/* Count a verdict, answer it, and list it for the ledger. */
static void conclude(engine *e, const record *r, const submit *s)
{
    count_worker(e, r->by, r);
    count_wire(r->from, r);
    answer_share(r->from, s, r->got.verdict);
    e->has_block |= r->got.is_block;
    if (r->got.verdict != ACCEPTED && !is_listed(e, r->by) && !r->got.is_block)
        r->by->unlisted++;
    else
        e->records[e->record_count++] = *r;
}

static void weigh(engine *e, job *row, const terms *how, record *r, const submit *s)
{
    if (job_weigh(row, how, &r->got))
        conclude(e, r, s);
    else
        lose(r->from); /* no memory to know it by, so it is not answered */
}

static void settle_half(engine *e)
{
    half *h = &e->half;

    if (!h->is_set)
        return;
    h->is_set = false;
    job_hash(h->row, &h->how, &h->share, &h->found.got);
    weigh(e, h->row, &h->how, &h->found, &h->share);
}

static void keep_half(engine *e, job *row, const terms *how, const record *r,
                      const submit *s)
{
    half *h = &e->half;

    *h = (half){.is_set = true, .row = row, .how = *how, .share = *s, .found = *r};
    memcpy(h->id, s->id, s->id_size); /* the line is gone when it is answered */
    h->share.id = h->id;
}

/* Judge a share of `at`, together with the one that waits if that is of the same job. */
static void judge_with_half(wire *w, const live_job *at, record *r, const submit *s)
{
    engine *e = w->engine;
    half *h = &e->half;
    terms how;

    fill_terms(w, at, &how, &r->difficulty);
    r->job = at->owner;
    if (!job_check(at->row, &how, s, &r->got)) {
        settle_half(e); /* answers keep their order */
        conclude(e, r, s);
        return;
    }
    if (h->is_set && h->row == at->row) {
        const terms *const hows[2] = {&h->how, &how};
        const submit *const shares[2] = {&h->share, s};
        judgement *const got[2] = {&h->found.got, &r->got};

        h->is_set = false;
        job_hash_two(at->row, hows, shares, got);
        weigh(e, h->row, &h->how, &h->found, &h->share);
        weigh(e, at->row, &how, r, s);
        return;
    }
    settle_half(e);
    keep_half(e, at->row, &how, r, s);
}

static void judge_share(wire *w, const submit *s)
{
    const live_job *at = NULL;
    record r = {
        .from = w,
        .by = find_worker(w, s),
        .got = {.verdict = UNAUTHORIZED},
        .difficulty = w->terms[w->term_count - 1].difficulty,
        .ntime = s->ntime,
        .nonce = s->nonce,
        .extranonce2_size = s->extranonce2_size,
        .job_id_size = s->job_id_size,
    };

    memcpy(r.extranonce2, s->extranonce2, s->extranonce2_size);
    memcpy(r.job_id, s->job_id, s->job_id_size);
    if (r.by) {
        r.got.verdict = UNKNOWN_JOB;
        at = find_job(w->group, s);
    } else
        r.by = w->workers[0];
    if (at) {
        judge_with_half(w, at, &r, s);
    } else {
        settle_half(w->engine);
        conclude(w->engine, &r, s);
    }
}

/* ---- reading ---- */

static bool is_blank(const char *line, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (line[i] != ' ' && (line[i] < '\t' || line[i] > '\r'))
            return false;
    return true;
}

static bool is_over(engine *e)
{
    struct timespec now;

    /* the one that waits needs room too */
    if (e->has_block || e->record_count + 2 > MAX_RECORDS ||
        e->answer_bytes + 2 * ANSWER_BYTES > sizeof e->answer_text ||
        e->answer_count + 2 > MAX_RECORDS)
        return true;
    if (++e->lines % LOOK_AT_CLOCK)
        return false;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - e->started.tv_sec) * 1000000000 + now.tv_nsec -
               e->started.tv_nsec >
           TURN_NS;
}

/* A line's length without its newline and carriage return; `whole`: with them. */
static bool find_line(const char *data, size_t size, size_t *length, size_t *whole)
{
    const char *end = memchr(data, '\n', size);

    if (!end)
        return false;
    *length = (size_t)(end - data);
    *whole = *length + 1;
    if (*length && *length <= MAX_LINE_BYTES && data[*length - 1] == '\r')
        --*length;
    return true;
}

static bool is_stratum(const char *data)
{
    return memchr("{ \t\r\n", *data, 5) != NULL;
}

/* Whether the engine judges this line: of a parked miner it judges none. */
static bool is_ours(const wire *w, submit *s, const char *line, size_t length)
{
    return w->is_subscribed && w->is_granted && w->worker_count && w->term_count &&
           submit_read(s, line, length);
}

/* Go through `data` line by line; return how much of it is done with. */
static size_t read_lines(wire *w, const char *data, size_t size)
{
    size_t at = 0, length, whole;
    submit s;

    if (w->is_new && size && !is_stratum(data)) {
        enqueue(w, ASKING);
        return 0;
    }
    w->is_new = w->is_new && !size;
    while (find_line(data + at, size - at, &length, &whole)) {
        if (is_blank(data + at, length) && length <= MAX_LINE_BYTES) {
            at += whole;
            continue;
        }
        if (is_over(w->engine)) {
            enqueue(w, RESUMING);
            return at;
        }
        if (length > MAX_LINE_BYTES || !is_ours(w, &s, data + at, length)) {
            enqueue(w, ASKING);
            return at;
        }
        judge_share(w, &s);
        at += whole;
    }
    if (size - at > MAX_LINE_BYTES)
        enqueue(w, ASKING); /* for a line without end */
    return at;
}

static void keep(wire *w, const char *data, size_t size)
{
    char *room = size ? realloc(w->kept, size) : NULL;

    if (size && !room) {
        lose(w);
        return;
    }
    if (size)
        memcpy(room, data, size);
    else
        free(w->kept);
    w->kept = room;
    w->kept_size = size;
}

static void look_at(wire *w, size_t size)
{
    const char *data = w->engine->received;
    size_t done = read_lines(w, data, size);

    if (w->fd >= 0 && (w->kept || size > done))
        keep(w, data + done, size - done);
}

static void receive(wire *w)
{
    engine *e = w->engine;
    ssize_t got;

    if (w->is_in & (1 << ASKING | 1 << RESUMING))
        return; /* what it sent before comes first */
    got = recv(w->fd, e->received + w->kept_size, RECEIVE_BYTES, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        lose(w);
        return;
    }
    w->sum.heard_at = e->now;
    enqueue(w, TOUCHED);
    if (w->kept_size)
        memcpy(e->received, w->kept, w->kept_size);
    look_at(w, w->kept_size + (size_t)got);
}

bool wire_ask(wire *w, const char **line, size_t *size)
{
    engine *e = w->engine;
    size_t length, whole;
    submit s;

    if (w->fd < 0 || !w->kept_size)
        return false;
    memcpy(e->received, w->kept, w->kept_size);
    *line = e->received;
    if (w->is_new) { /* not Stratum, or read_lines would have looked at it */
        *size = w->kept_size < MAX_LINE_BYTES ? w->kept_size : MAX_LINE_BYTES;
        keep(w, NULL, 0);
        return true;
    }
    if (!find_line(e->received, w->kept_size, &length, &whole)) {
        *size = w->kept_size;
        if (w->kept_size <= MAX_LINE_BYTES)
            return false;
        keep(w, NULL, 0);
        return true;
    }
    if (is_blank(*line, length) || is_ours(w, &s, *line, length)) {
        enqueue(w, RESUMING);
        return false;
    }
    *size = length;
    keep(w, e->received + whole, w->kept_size - whole);
    return true;
}

void wire_wait(wire *w)
{
    if (w->fd >= 0)
        enqueue(w, ASKING);
}

/* ---- accepting ---- */

static void name_peer(const struct sockaddr_storage *from, char *out, size_t size)
{
    const void *address = &((const struct sockaddr_in *)from)->sin_addr;

    if (from->ss_family == AF_INET6)
        address = &((const struct sockaddr_in6 *)from)->sin6_addr;
    if (from->ss_family != AF_INET && from->ss_family != AF_INET6)
        memcpy(out, "local", sizeof "local");
    else if (!inet_ntop(from->ss_family, address, out, (socklen_t)size))
        out[0] = 0;
}

static void accept_some(engine *e, int *listener)
{
    while (e->arrival_count < MAX_ACCEPTS) {
        struct sockaddr_storage from = {0};
        socklen_t size = sizeof from;
        int fd = accept4(*listener, (struct sockaddr *)&from, &size,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
        arrival *a = &e->arrivals[e->arrival_count];

        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
                errno == ENOBUFS) {
                epoll_ctl(e->inner, EPOLL_CTL_DEL, *listener, NULL);
                e->is_crowded = true; /* until engine_listen */
            }
            return;
        }
        a->fd = fd;
        a->listener = *listener;
        name_peer(&from, a->peer, sizeof a->peer);
        e->arrival_count++;
    }
}

bool engine_listen(engine *e, int fd)
{
    size_t i = 0;
    struct epoll_event event = {.events = EPOLLIN};

    while (i < e->listener_count && e->listeners[i] != fd)
        i++;
    if (i == MAX_LISTENERS)
        return false;
    e->listeners[i] = fd;
    if (i == e->listener_count)
        e->listener_count++;
    event.data.ptr = &e->listeners[i];
    return !epoll_ctl(e->inner, EPOLL_CTL_ADD, fd, &event) || errno == EEXIST;
}

void engine_unlisten(engine *e, int fd)
{
    for (size_t i = 0; i < e->listener_count; i++)
        if (e->listeners[i] == fd) {
            epoll_ctl(e->inner, EPOLL_CTL_DEL, fd, NULL);
            e->listeners[i] = -1; /* its place stays: an event may name it */
        }
}

static bool is_listener(const engine *e, const void *tag)
{
    return (const char *)tag >= (const char *)e->listeners &&
           (const char *)tag < (const char *)(e->listeners + MAX_LISTENERS);
}

/* ---- turns ---- */

engine *engine_new(void)
{
    engine *e = calloc(1, sizeof *e);
    struct epoll_event event = {.events = EPOLLIN};

    if (!e)
        return NULL;
    e->outer = epoll_create1(EPOLL_CLOEXEC);
    e->inner = epoll_create1(EPOLL_CLOEXEC);
    e->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (e->outer < 0 || e->inner < 0 || e->timer < 0 ||
        epoll_ctl(e->outer, EPOLL_CTL_ADD, e->timer, &event) ||
        epoll_ctl(e->outer, EPOLL_CTL_ADD, e->inner, &event)) {
        engine_free(e);
        return NULL;
    }
    return e;
}

static void bury(engine *e)
{
    while (e->dead) {
        wire *w = e->dead;

        e->dead = w->next_dead;
        for (size_t i = 0; i < w->worker_count; i++)
            free(w->workers[i]);
        free(w->workers);
        free(w);
    }
}

void engine_free(engine *e)
{
    if (!e)
        return;
    bury(e);
    if (e->outer >= 0)
        close(e->outer);
    if (e->inner >= 0)
        close(e->inner);
    if (e->timer >= 0)
        close(e->timer);
    free(e);
}

int engine_fd(const engine *e)
{
    return e->outer;
}

static void begin(engine *e, double now, double wall)
{
    e->now = now;
    e->wall = wall;
    e->record_count = e->answer_count = e->answer_bytes = e->arrival_count = 0;
    e->has_block = e->is_crowded = false;
    memset(e->verdicts, 0, sizeof e->verdicts);
    e->work = 0;
    e->lines = 0;
    clock_gettime(CLOCK_MONOTONIC, &e->started);
    if (e->event_at == e->event_count) {
        bury(e); /* no event can name a dead wire now */
        e->event_at = 0;
        e->event_count = epoll_wait(e->inner, e->events, MAX_EVENTS, 0);
        if (e->event_count < 0)
            e->event_count = 0;
    }
}

static void resume(engine *e)
{
    wire *last = e->queues[RESUMING].last, *w = NULL;

    while (w != last && !is_over(e) && (w = dequeue(e, RESUMING)))
        if (w->fd >= 0 && w->kept_size) {
            memcpy(e->received, w->kept, w->kept_size);
            look_at(w, w->kept_size);
        }
}

static void serve(engine *e, const struct epoll_event *event)
{
    wire *w = event->data.ptr;

    if (is_listener(e, w)) {
        if (*(int *)event->data.ptr >= 0)
            accept_some(e, event->data.ptr);
        return;
    }
    if (w->fd >= 0 && event->events & EPOLLOUT && w->unsent_size)
        send_unsent(w);
    if (w->fd >= 0 && event->events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        receive(w);
}

void engine_run(engine *e, double now, double wall)
{
    begin(e, now, wall);
    resume(e);
    while (e->event_at < e->event_count && !is_over(e))
        serve(e, &e->events[e->event_at++]);
    settle_half(e);
}

const record *engine_records(const engine *e, size_t *count)
{
    *count = e->record_count;
    return e->records;
}

const arrival *engine_arrivals(const engine *e, size_t *count)
{
    *count = e->arrival_count;
    return e->arrivals;
}

bool engine_is_crowded(const engine *e)
{
    return e->is_crowded;
}

const uint32_t *engine_verdicts(const engine *e, double *work)
{
    *work = e->work;
    return e->verdicts;
}

worker *engine_next_sums(engine *e)
{
    worker *by = e->touched;

    if (by) {
        e->touched = by->next_touched;
        by->is_touched = false;
    }
    return by;
}

void engine_answer(engine *e)
{
    for (size_t i = 0; i < e->answer_count; i++) {
        const answer *a = &e->answers[i];

        wire_write(a->to, e->answer_text + a->start, a->end - a->start);
    }
    e->answer_count = 0;
}

wire *engine_next_due(engine *e)
{
    return dequeue(e, DUE);
}

wire *engine_next_asking(engine *e)
{
    return dequeue(e, ASKING);
}

wire *engine_next_lost(engine *e)
{
    return dequeue(e, LOST);
}

wire *engine_next_touched(engine *e)
{
    return dequeue(e, TOUCHED);
}

/* Little came in: look again in a millisecond, so that what comes until then is one
 * commit and one turn of the reactor. Nothing came in: sleep until something does. */
bool engine_rest(engine *e)
{
    const bool is_busy = e->event_at < e->event_count || e->queues[RESUMING].first ||
                         e->queues[ASKING].first || e->queues[LOST].first ||
                         e->record_count >= FULL_BATCH ||
                         e->arrival_count == MAX_ACCEPTS;
    const bool is_idle = !is_busy && !e->event_count;
    struct itimerspec when = {.it_value.tv_nsec = is_busy ? 1 : is_idle ? 0 : REST_NS};
    struct epoll_event event = {.events = is_idle ? EPOLLIN | EPOLLONESHOT : 0};

    timerfd_settime(e->timer, 0, &when, NULL);
    epoll_ctl(e->outer, EPOLL_CTL_MOD, e->inner, &event);
    return is_busy;
}

/* ---- one connection ---- */

wire *wire_new(engine *e, int fd)
{
    const int on = 1;
    wire *w = calloc(1, sizeof *w);

    if (!w)
        return NULL;
    w->fd = fd;
    w->engine = e;
    w->is_new = true;
    /* a job held back by Nagle is hashrate lost */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    if (!watch(w, EPOLL_CTL_ADD, false)) {
        free(w);
        return NULL;
    }
    return w;
}

static void forget_answers(wire *w)
{
    engine *e = w->engine;

    for (size_t i = 0; i < e->answer_count; i++)
        if (e->answers[i].to == w)
            e->answers[i].end = e->answers[i].start;
}

void wire_free(wire *w)
{
    engine *e = w->engine;
    worker **at = &e->touched;

    lose(w);
    wire_join(w, NULL);
    forget_answers(w);
    for (int which = RESUMING; which <= TOUCHED; which++)
        unqueue(w, which);
    while (*at) { /* sums that nobody fetched: rare, the turn fetches all */
        bool is_its = false;

        for (size_t i = 0; i < w->worker_count; i++)
            is_its |= *at == w->workers[i];
        if (is_its)
            *at = (*at)->next_touched;
        else
            at = &(*at)->next_touched;
    }
    w->next_dead = e->dead;
    e->dead = w;
}

void wire_set_miner(wire *w, void *miner)
{
    w->miner = miner;
}

void *wire_miner(const wire *w)
{
    return w->miner;
}

const uint8_t *wire_slot(const wire *w, size_t *size)
{
    *size = w->slot_size;
    return w->slot;
}

bool wire_is_open(const wire *w)
{
    return w->fd >= 0;
}

void wire_hang_up(wire *w)
{
    const struct linger at_once = {.l_onoff = 1};

    if (w->fd >= 0)
        (void)setsockopt(w->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    lose(w);
}

void wire_settle(wire *w, tally *out)
{
    *out = w->sum;
    w->sum = (tally){.heard_at = out->heard_at};
}

void wire_set_session(wire *w, bool is_subscribed, uint32_t mask, uint32_t mask_told)
{
    w->is_subscribed = is_subscribed;
    w->version_mask = mask;
    w->mask_told = mask_told;
}

void wire_set_granted(wire *w, bool is_granted)
{
    w->is_granted = is_granted;
}

void wire_set_wish(wire *w, double difficulty, uint32_t shares_left)
{
    w->wish = difficulty;
    w->shares_left = shares_left;
}

bool wire_set_slot(wire *w, const uint8_t *slot, size_t size)
{
    if (size > MAX_EXTRANONCE_BYTES)
        return false;
    memcpy(w->slot, slot, size);
    w->slot_size = (uint8_t)size;
    return true;
}

bool wire_add_worker(wire *w, const char *text, size_t size, void *name)
{
    worker *by;

    if (w->worker_count == w->worker_room) {
        size_t room = 2 * (size_t)w->worker_room + 1;
        worker **more = realloc(w->workers, room * sizeof *more);

        if (!more)
            return false;
        w->workers = more;
        w->worker_room = (uint16_t)room;
    }
    by = calloc(1, sizeof *by);
    if (!by)
        return false;
    by->name = name;
    /* a longer one is in no canonical submit: never found, but counted as ours */
    by->size = (uint8_t)(size > MAX_WORKER_BYTES ? UINT8_MAX : size);
    memcpy(by->text, text, size > MAX_WORKER_BYTES ? 0 : size);
    w->workers[w->worker_count++] = by;
    return true;
}

void wire_add_terms(wire *w, int64_t seq, double difficulty, const uint8_t target[32])
{
    wire_terms *last;

    if (w->term_count == MAX_TERMS)
        memmove(w->terms, w->terms + 1, (MAX_TERMS - 1) * sizeof *w->terms);
    else
        w->term_count++;
    last = &w->terms[w->term_count - 1];
    last->seq = seq;
    last->difficulty = difficulty;
    memcpy(last->target, target, 32);
}

void wire_join(wire *w, group *g)
{
    if (w->group == g)
        return;
    if (w->group) {
        w->group->size--;
        if (w->group_before)
            w->group_before->group_next = w->group_next;
        else
            w->group->first = w->group_next;
        if (w->group_next)
            w->group_next->group_before = w->group_before;
    }
    w->group = g;
    w->group_before = w->group_next = NULL;
    if (!g)
        return;
    g->size++;
    w->group_next = g->first;
    if (g->first)
        g->first->group_before = w;
    g->first = w;
}

/* ---- jobs of a group ---- */

group *group_new(void)
{
    return calloc(1, sizeof(group));
}

void group_free(group *g)
{
    if (!g)
        return;
    while (g->first)
        wire_join(g->first, NULL);
    free(g->jobs);
    free(g);
}

size_t group_size(const group *g)
{
    return g->size;
}

bool group_post(group *g, const char *id, size_t size, int64_t seq, job *row,
                uint32_t mask, double ceiling, void *owner)
{
    live_job *more = g->jobs;

    if (size > MAX_JOB_ID_BYTES)
        return false;
    if (g->job_count == g->job_room) {
        more = realloc(more, (2 * g->job_room + 8) * sizeof *more);
        if (!more)
            return false;
        g->job_room = 2 * g->job_room + 8;
        g->jobs = more;
    }
    more += g->job_count++;
    *more = (live_job){
        .owner = owner,
        .row = row,
        .seq = seq,
        .stale_at = INFINITY,
        .ceiling = ceiling,
        .mask = mask,
        .id_size = (uint8_t)size,
    };
    memcpy(more->id, id, size);
    return true;
}

void group_make_stale(group *g, int64_t seq, double at)
{
    for (size_t i = 0; i < g->job_count; i++)
        if (g->jobs[i].seq == seq)
            g->jobs[i].stale_at = at;
}

void group_retire(group *g, int64_t seq)
{
    for (size_t i = 0; i < g->job_count; i++)
        if (g->jobs[i].seq == seq) {
            memmove(g->jobs + i, g->jobs + i + 1,
                    (g->job_count - i - 1) * sizeof *g->jobs);
            g->job_count--;
            return;
        }
}

static bool needs_only_the_line(const wire *w, const live_job *now)
{
    double difficulty = w->wish < now->ceiling ? w->wish : now->ceiling;

    return w->term_count && w->terms[w->term_count - 1].difficulty == difficulty &&
           (!w->version_mask || (w->version_mask & now->mask) == w->mask_told);
}

size_t group_notify(group *g, const char *line, size_t size, wire **others)
{
    const live_job *now = g->job_count ? &g->jobs[g->job_count - 1] : NULL;
    size_t count = 0;

    for (wire *w = g->first; w && now; w = w->group_next) {
        if (!w->is_granted)
            continue;
        if (needs_only_the_line(w, now))
            wire_write(w, line, size);
        else
            others[count++] = w;
    }
    return count;
}
