/* One miner's connection: what it sends, and the bytes that come in. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared.h"

enum {
    FIRST_ID = 16, /* of shares: those below are of the greeting */
    TRIES = 1 << 20, /* hashes in one go, whether enough shares are found or not */
};

static const char HEX[] = "0123456789abcdef";

/* ---- the socket ---- */

void miner_hang_up(load *l, miner *m, uint64_t *why)
{
    if (m->fd < 0)
        return;
    close(m->fd);
    m->fd = -1;
    ++*why;
    l->sum.working -= m->is_working;
    l->sum.lost += m->in_flight;
    l->sum.in_flight -= m->in_flight;
    rest_keep(&m->rest, NULL, 0);
    free(m->unsent);
    job_leave(m->job);
    m->unsent = NULL;
    m->job = NULL;
}

static bool watch(load *l, miner *m, bool wants_out)
{
    struct epoll_event event = {
        .events = EPOLLIN | (wants_out ? EPOLLOUT : 0),
        .data.ptr = m,
    };

    m->wants_out = wants_out;
    return !epoll_ctl(l->epoll, EPOLL_CTL_MOD, m->fd, &event);
}

/* Send what the kernel takes; -1: the peer is gone. */
static ssize_t send_some(const miner *m, const char *data, size_t size)
{
    ssize_t sent = send(m->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (sent >= 0)
        return sent;
    return errno == EAGAIN || errno == EINTR || errno == ENOBUFS ? 0 : -1;
}

/* Send whole lines. What is left over is one window's at the most: nothing is added to
 * it before it is gone. */
static void send_lines(load *l, miner *m, const char *data, size_t size)
{
    ssize_t sent = send_some(m, data, size);

    if (sent == (ssize_t)size)
        return;
    m->unsent_size = sent < 0 ? 0 : size - (size_t)sent;
    m->unsent = sent < 0 ? NULL : malloc(m->unsent_size);
    if (!m->unsent || !watch(l, m, true)) {
        miner_hang_up(l, m, &l->sum.dropped);
        return;
    }
    memcpy(m->unsent, data + sent, m->unsent_size);
}

void miner_send_unsent(load *l, miner *m)
{
    ssize_t sent = m->unsent ? send_some(m, m->unsent, m->unsent_size) : 0;

    if (sent < 0) {
        miner_hang_up(l, m, &l->sum.dropped);
        return;
    }
    m->unsent_size -= (size_t)sent;
    if (m->unsent_size) {
        memmove(m->unsent, m->unsent + sent, m->unsent_size);
        return;
    }
    free(m->unsent);
    m->unsent = NULL;
    if (!watch(l, m, false))
        miner_hang_up(l, m, &l->sum.dropped);
}

/* ---- what it says ---- */

void miner_greet(load *l, miner *m)
{
    int size = snprintf(
        l->out, sizeof l->out,
        "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"baseload-bench\"]}\n"
        "{\"id\":2,\"method\":\"mining.authorize\",\"params\":[\"%s%zu\",\"x\"]}\n",
        l->worker, m->number);

    m->is_connected = true;
    m->next_id = FIRST_ID;
    if (!watch(l, m, false))
        miner_hang_up(l, m, &l->sum.failed);
    else
        send_lines(l, m, l->out, (size_t)size);
}

/* Write what all submits of this job have in common, between id and nonce. */
static void write_middle(load *l, miner *m, const extranonce *two)
{
    char hex[2 * MAX_EXTRANONCE_BYTES + 1];

    for (size_t i = 0; i < two->size; i++) {
        hex[2 * i] = HEX[two->bytes[i] >> 4];
        hex[2 * i + 1] = HEX[two->bytes[i] & 15];
    }
    hex[2 * two->size] = 0;
    m->middle_size = (size_t)snprintf(
        m->middle, sizeof m->middle,
        ",\"method\":\"mining.submit\",\"params\":[\"%s%zu\",\"%s\",\"%s\",\"%08x\",\"",
        l->worker, m->number, m->job->id, hex, m->job->ntime);
}

static bool begin_work(load *l, miner *m)
{
    extranonce two = {.size = m->extranonce2_size};

    m->has_work = work_begin(&m->work, m->job, &m->extranonce1, &two);
    write_middle(l, m, &two);
    return m->has_work;
}

static char *write_number(char *out, uint32_t value)
{
    char digits[10];
    int count = 0;

    do
        digits[count++] = (char)('0' + value % 10);
    while (value /= 10);
    while (count)
        *out++ = digits[--count];
    return out;
}

static char *write_share(const miner *m, char *out, uint32_t nonce)
{
    memcpy(out, "{\"id\":", 6);
    out = write_number(out + 6, m->next_id);
    memcpy(out, m->middle, m->middle_size);
    out += m->middle_size;
    for (int shift = 28; shift >= 0; shift -= 4)
        *out++ = HEX[nonce >> shift & 15];
    memcpy(out, "\"]}\n", 4);
    return out + 4;
}

static void put_in_flight(load *l, miner *m)
{
    size_t place = m->next_id % MAX_WINDOW;

    m->ids[place] = m->next_id;
    m->sent_at[place] = l->now;
    m->next_id = m->next_id == UINT32_MAX ? FIRST_ID : m->next_id + 1;
    m->in_flight++;
    l->sum.in_flight++;
    l->sum.sent++;
}

/* How many places from the next on are free, up to `wanted`. */
static size_t free_places(const miner *m, size_t wanted)
{
    size_t count = 0;

    while (count < wanted && !m->ids[(m->next_id + count) % MAX_WINDOW])
        count++;
    return count;
}

/* Find and send `count` shares in one go; return how many. */
static size_t submit(load *l, miner *m, size_t count)
{
    uint32_t nonces[MAX_WINDOW];
    char *end = l->out;

    count = free_places(m, count);
    if (!count || m->unsent || (!m->has_work && !begin_work(l, m)))
        return 0;
    count = work_find(&m->work, m->wanted, nonces, count, TRIES);
    l->now = clock_ns();
    for (size_t i = 0; i < count; i++) {
        end = write_share(m, end, nonces[i]);
        put_in_flight(l, m);
    }
    if (count)
        send_lines(l, m, l->out, (size_t)(end - l->out));
    return count;
}

void miner_refill(load *l, miner *m)
{
    if (m->submits && m->is_working && m->in_flight < l->window)
        submit(l, m, l->window - m->in_flight);
}

bool miner_submit_one(load *l, miner *m)
{
    return m->in_flight < l->window && submit(l, m, 1);
}

/* ---- what it hears ---- */

/* Go through whole lines; return false if the peer cannot be worked with. */
static bool hear_lines(load *l, miner *m, size_t size)
{
    const char *at = l->received, *end = at + size, *line_end;

    while (at < end && (line_end = memchr(at, '\n', (size_t)(end - at)))) {
        if (!miner_hear(l, m, at, (size_t)(line_end - at)))
            return false;
        at = line_end + 1;
    }
    if (end - at >= MAX_LINE_BYTES)
        return false;
    return (!m->rest.data && at == end) || rest_keep(&m->rest, at, (size_t)(end - at));
}

void miner_receive(load *l, miner *m)
{
    uint64_t came = 0;
    ssize_t got =
        m->submits ? rest_receive(&m->rest, m->fd, l->received, RECEIVE_BYTES)
                   : rest_receive_at(&m->rest, m->fd, l->received, RECEIVE_BYTES, &came);

    if (got < 0)
        return;
    l->now = clock_ns();
    l->came = came ? came - l->epoch : l->now;
    if (got > 0 && hear_lines(l, m, m->rest.size + (size_t)got))
        return;
    miner_hang_up(l, m, m->is_working ? &l->sum.dropped : &l->sum.failed);
}
