/* What a miner makes of the lines that its server sends. */
#include <string.h>

#include "shared.h"

enum { HELLO_ID = 1, LOGIN_ID = 2 };

/* From here on a share would take too long to find on a processor. */
static const double HARDEST = 1e-5;

/* ---- jobs ---- */

static void note(load *l, const char *id)
{
    const double at = 1e-9 * (double)l->came;
    size_t n = l->notice_count;

    for (size_t i = 0; i < 4 && i < n; i++) { /* only the newest are still on the way */
        notice *known = &l->notices[n - 1 - i];

        if (strcmp(l->notice_ids[n - 1 - i].id, id))
            continue;
        known->first = at < known->first ? at : known->first;
        known->last = at > known->last ? at : known->last;
        known->count++;
        return;
    }
    if (n == MAX_NOTICES)
        return;
    l->notices[n] = (notice){at, at, 1};
    memcpy(l->notice_ids[n].id, id, strlen(id) + 1);
    l->notice_count++;
}

static void aim(load *l, miner *m)
{
    double difficulty = m->difficulty < HARDEST ? m->difficulty : l->fallback;

    m->wanted = l->misses ? range_missing(difficulty) : range_meeting(difficulty);
}

static bool take_job(load *l, miner *m, span params)
{
    job *found = NULL;

    if (l->newest && job_is(l->newest, params))
        found = l->newest;
    else if (!(found = job_read(params)))
        return false;
    else {
        job_leave(l->newest);
        l->newest = found;
    }
    found->users++;
    job_leave(m->job);
    m->job = found;
    m->has_work = false;
    aim(l, m);
    note(l, found->id);
    return true;
}

/* ---- what it is told ---- */

static bool take_extranonce(miner *m, span one, span two)
{
    uint64_t size;

    if (!span_bytes(one, m->extranonce1.bytes, MAX_EXTRANONCE_BYTES,
                    &m->extranonce1.size) ||
        !span_number(two, &size) || size > MAX_EXTRANONCE_BYTES)
        return false;
    m->extranonce2_size = (uint8_t)size;
    m->has_work = false;
    return true;
}

static bool hear_order(load *l, miner *m, const message *said)
{
    span list = said->params, one, two;

    if (span_is(said->method, "\"mining.notify\""))
        return take_job(l, m, said->params);
    if (span_is(said->method, "\"mining.set_difficulty\"")) {
        l->sum.retargets++;
        return list_open(&list) && list_take(&list, &one) &&
               span_decimal(one, &m->difficulty);
    }
    if (span_is(said->method, "\"mining.set_extranonce\""))
        return list_open(&list) && list_take(&list, &one) && list_take(&list, &two) &&
               take_extranonce(m, one, two);
    return true;
}

static bool hear_hello(miner *m, span result)
{
    span item[3];

    if (!list_open(&result))
        return false;
    for (int i = 0; i < 3; i++)
        if (!list_take(&result, &item[i]))
            return false;
    m->is_subscribed = true;
    return take_extranonce(m, item[1], item[2]);
}

/* ---- verdicts ---- */

static uint64_t code_of(span error)
{
    span code;
    uint64_t number;

    if (list_open(&error) && list_take(&error, &code) && span_number(code, &number))
        return number;
    return 0;
}

static void count_refusal(totals *sum, uint64_t code)
{
    size_t at = 0;

    while (at < sum->code_count && sum->codes[at] != code)
        at++;
    if (at == MAX_CODES)
        at = 0;
    else if (at == sum->code_count)
        sum->codes[sum->code_count++] = code;
    sum->refusals[at]++;
}

static void hear_verdict(load *l, miner *m, const message *said, uint64_t id)
{
    size_t place = id % MAX_WINDOW;

    if (!id || m->ids[place] != id)
        return; /* no share that waits */
    m->ids[place] = 0;
    m->in_flight--;
    l->sum.in_flight--;
    latency_add(&l->replies, l->now - m->sent_at[place]);
    if (span_is(said->result, "true")) {
        l->sum.accepted++;
        return;
    }
    l->sum.rejected++;
    count_refusal(&l->sum, code_of(said->error));
}

static bool hear_answer(load *l, miner *m, const message *said)
{
    uint64_t id;

    if (!span_number(said->id, &id))
        return true;
    if (id == HELLO_ID)
        return hear_hello(m, said->result);
    if (id != LOGIN_ID) {
        hear_verdict(l, m, said, id);
        return true;
    }
    m->is_authorized = span_is(said->result, "true");
    return m->is_authorized;
}

bool miner_hear(load *l, miner *m, const char *line, size_t size)
{
    message said;
    bool is_good;

    if (!message_read(&said, line, size))
        return false;
    if (said.method.at && !span_is(said.method, "null"))
        is_good = hear_order(l, m, &said);
    else
        is_good = hear_answer(l, m, &said);
    if (is_good && !m->is_working && m->is_subscribed && m->is_authorized && m->job) {
        m->is_working = true;
        l->sum.working++;
        l->sum.working_at = 1e-9 * (double)l->now;
    }
    return is_good;
}
