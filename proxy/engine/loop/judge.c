#include "parts.h"

#include <math.h>
#include <string.h>

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

/* Count `size` B behind the answers as the next one, to `w`. */
static void add_answer(wire *w, size_t size)
{
    lane *l = w->lane;
    answer *last = l->answer_count ? &l->answers[l->answer_count - 1] : NULL;

    if (!last || last->to != w) {
        last = &l->answers[l->answer_count++];
        *last = (answer){w, l->answer_bytes, l->answer_bytes};
    }
    l->answer_bytes += size;
    last->end = l->answer_bytes;
}

static void answer_share(wire *w, const submit *s, const record *r)
{
    char *out = w->lane->answer_text + w->lane->answer_bytes;
    const char *tail = TAILS[r->got.verdict];
    size_t tail_size = strlen(tail);

    if (w->channel && r->got.verdict == ACCEPTED) {
        channel_accepts(w, s->sequence, r->difficulty);
    } else if (w->channel) {
        add_answer(w, channel_refuses(w, out, s->sequence, r->got.verdict));
    } else if (s->id_size != 4 || memcmp(s->id, "null", 4)) { /* else a notification */
        memcpy(out, "{\"id\":", 6);
        memcpy(out + 6, s->id, s->id_size);
        memcpy(out + 6 + s->id_size, tail, tail_size);
        add_answer(w, 6 + s->id_size + tail_size);
    }
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

static void count_worker(lane *l, worker *by, const record *r)
{
    if (!by->is_touched) {
        by->is_touched = true;
        by->next_touched = l->touched;
        l->touched = by;
    }
    l->verdicts[r->got.verdict]++;
    if (r->got.verdict == ACCEPTED) {
        by->accepted++;
        by->work += r->difficulty;
        l->work += r->difficulty;
    }
}

static void count_wire(wire *w, const record *r)
{
    tally *sum = &w->sum;
    double now = w->lane->now;

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
static bool is_listed(lane *l, worker *by)
{
    int64_t minute = (int64_t)floor(l->wall / 60);

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
    how->slot_size = w->slot_size;
    how->version_mask = w->version_mask & at->mask;
    how->is_stale = w->lane->now >= at->stale_at;
    memcpy(how->target, asked->target, 32);
    *difficulty = asked->difficulty;
}

/* A block goes ahead of all else, so it ends the turn; unless they come in numbers. */
static void mind_block(lane *l)
{
    if (l->now - l->block_at < BLOCK_SPACING)
        return;
    l->has_block = true;
    l->block_at = l->now;
}

/* Count a verdict, answer it, and list it for the ledger. */
static void conclude(lane *l, const record *r, const submit *s)
{
    count_worker(l, r->by, r);
    count_wire(r->from, r);
    answer_share(r->from, s, r);
    if (r->got.is_block)
        mind_block(l);
    if (r->got.verdict != ACCEPTED && !is_listed(l, r->by) && !r->got.is_block)
        r->by->unlisted++;
    else
        l->records[l->record_count++] = *r;
}

static void weigh(lane *l, job *row, const terms *how, record *r, const submit *s)
{
    if (job_weigh(row, how, &r->got))
        conclude(l, r, s);
    else
        lose(r->from); /* no memory to know it by, so it is not answered */
}

void settle_waiting(lane *l)
{
    waiting_share *h = &l->waiting;

    if (!h->is_set)
        return;
    h->is_set = false;
    job_hash(h->row, l->number, &h->how, &h->share, &h->found.got);
    weigh(l, h->row, &h->how, &h->found, &h->share);
}

static void keep_waiting(lane *l, job *row, const terms *how, const record *r,
                      const submit *s)
{
    waiting_share *h = &l->waiting;

    *h = (waiting_share){.is_set = true, .row = row, .how = *how, .share = *s, .found = *r};
    if (s->id_size)
        memcpy(h->id, s->id, s->id_size); /* the line is gone when it is answered */
    h->share.id = h->id;
}

/* Judge a share of `at`, together with the one that waits if that is of the same job. */
static void judge_in_pairs(wire *w, const live_job *at, record *r, const submit *s)
{
    lane *l = w->lane;
    waiting_share *h = &l->waiting;
    terms how;

    fill_terms(w, at, &how, &r->difficulty);
    r->job = at->owner;
    if (!job_check(at->row, &how, s, &r->got)) {
        settle_waiting(l); /* answers keep their order */
        conclude(l, r, s);
        return;
    }
    if (h->is_set && h->row == at->row) {
        const terms *const hows[2] = {&h->how, &how};
        const submit *const shares[2] = {&h->share, s};
        judgement *const got[2] = {&h->found.got, &r->got};

        h->is_set = false;
        job_hash_two(at->row, l->number, hows, shares, got);
        weigh(l, h->row, &h->how, &h->found, &h->share);
        weigh(l, at->row, &how, r, s);
        return;
    }
    settle_waiting(l);
    keep_waiting(l, at->row, &how, r, s);
}

bool is_at_work(const wire *w)
{
    return w->is_subscribed && w->is_granted && w->worker_count && w->term_count;
}

void judge_share(wire *w, submit *s)
{
    const live_job *at = NULL;
    record r = {
        .from = w,
        .by = s->worker ? find_worker(w, s) : w->workers[0],
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
    if (at && s->has_version) {
        s->version_bits = job_rolled(at->row, s->version, w->version_mask & at->mask);
        s->has_version_bits = true;
    }
    if (at) {
        judge_in_pairs(w, at, &r, s);
    } else {
        settle_waiting(w->lane);
        conclude(w->lane, &r, s);
    }
}
