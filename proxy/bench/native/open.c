/* Miners come and go. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "shared.h"

enum {
    MAX_OPENED = 64, /* a turn: what comes in is looked at in between */
    PORTS = 10000,   /* connections from one source address: it has 28,000 ports */
    SOURCES = 250,   /* 127.0.0.1 and those after it */
};

void load_open(load *l, size_t count, double per_second, bool submit)
{
    l->to_open += count;
    l->open_rate = per_second;
    l->open_from = clock_ns();
    l->open_submits = submit;
}

/* Leave from another address once in a while: one has not ports enough. */
static void bind_source(int fd, size_t number)
{
    const int late = 1;
    struct sockaddr_in source = {
        .sin_family = AF_INET,
        .sin_addr.s_addr =
            htonl(INADDR_LOOPBACK + (uint32_t)(number / PORTS % SOURCES)),
    };

    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &late, sizeof late);
    (void)!bind(fd, (struct sockaddr *)&source, sizeof source);
}

static miner *free_place(load *l)
{
    for (size_t i = 0; i < l->room; i++) {
        miner *m = &l->miners[(l->next_place + i) % l->room];

        if (m->fd < 0) {
            l->next_place = (l->next_place + i + 1) % l->room;
            return m;
        }
    }
    return NULL;
}

static bool connect_miner(load *l, miner *m)
{
    static size_t number; /* of all loads: their ports rest for a while when closed */
    const int at_once = 1;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = m};

    *m = (miner){.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
                 .number = l->numbers++,
                 .difficulty = 1,
                 .submits = l->open_submits};
    if (m->fd < 0)
        return false;
    setsockopt(m->fd, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
    if (!m->submits)
        setsockopt(m->fd, SOL_SOCKET, SO_TIMESTAMPNS, &at_once, sizeof at_once);
    if (ntohl(l->server.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET)
        bind_source(m->fd, number++);
    if (connect(m->fd, (struct sockaddr *)&l->server, sizeof l->server) &&
        errno != EINPROGRESS)
        return false;
    return !epoll_ctl(l->epoll, EPOLL_CTL_ADD, m->fd, &event);
}

static void open_one(load *l)
{
    miner *m = free_place(l);

    l->to_open--;
    l->sum.opened++;
    if (m && connect_miner(l, m))
        return;
    l->sum.error = m ? errno : EUSERS;
    if (m && m->fd >= 0)
        miner_hang_up(l, m, &l->sum.failed);
    else
        l->sum.failed++;
}

void open_some(load *l)
{
    double owed = MAX_OPENED;

    if (!l->to_open)
        return;
    if (l->open_rate > 0) {
        l->open_credit += 1e-9 * (double)(l->now - l->open_from) * l->open_rate;
        l->open_from = l->now;
        owed = l->open_credit < MAX_OPENED ? l->open_credit : MAX_OPENED;
    }
    for (; l->to_open && owed >= 1; owed--) {
        open_one(l);
        l->open_credit -= l->open_rate > 0;
    }
}

void load_close(load *l, size_t count)
{
    for (size_t i = 0; i < l->room && count; i++) {
        miner *m = &l->miners[l->next_closed++ % l->room];

        if (m->fd < 0 || !m->is_working)
            continue;
        miner_hang_up(l, m, &l->sum.closed);
        count--;
    }
}
