#define _GNU_SOURCE
#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "message.h"
#include "rest.h"

enum {
    MAX_EVENTS = 256,
    RECEIVE_BYTES = 65536,
    OUT_BYTES = 1 << 18,
    BACKLOG = 4096,
    EXTRANONCE2_BYTES = 8,
    MAX_ID_BYTES = 64,
};

typedef struct peer {
    int fd;
    uint32_t number;
    bool is_authorized;
    rest rest;
    struct peer *next, *before;
} peer;

struct server {
    int epoll, listener;
    uint32_t numbers;
    size_t count;
    peer *first;
    char *greeting, *job;
    char received[MAX_REQUEST_BYTES + RECEIVE_BYTES];
    char out[OUT_BYTES];
};

/* ---- answers ---- */

static const char SUBMIT[] = ",\"method\":\"mining.submit\"";
static const char YES[] = ",\"result\":true,\"error\":null}\n";

/* The id of a submit that begins as most do: there the floor does not read on. */
static bool is_plain_submit(const char *line, size_t size, span *id)
{
    size_t at = 6;

    if (size < 6 || memcmp(line, "{\"id\":", 6))
        return false;
    while (at < size && line[at] >= '0' && line[at] <= '9')
        at++;
    *id = (span){line + 6, at - 6};
    return size - at >= sizeof SUBMIT - 1 && at > 6 && at < 6 + MAX_ID_BYTES &&
           !memcmp(line + at, SUBMIT, sizeof SUBMIT - 1);
}

static size_t put(char *out, span id, const char *tail)
{
    size_t size = strlen(tail);

    memcpy(out, "{\"id\":", 6);
    memcpy(out + 6, id.at, id.size);
    memcpy(out + 6 + id.size, tail, size);
    return 6 + id.size + size;
}

size_t server_answer(const char *line, size_t size, uint32_t number, char *out,
                     bool *is_login)
{
    char text[128];
    message said;
    span id;

    *is_login = false;
    if (is_plain_submit(line, size, &id))
        return put(out, id, YES);
    if (!message_read(&said, line, size) || !said.id.at || said.id.size > MAX_ID_BYTES)
        return 0;
    *is_login = span_is(said.method, "\"mining.authorize\"");
    if (span_is(said.method, "\"mining.configure\""))
        return put(out, said.id,
                   ",\"result\":{\"version-rolling\":true,"
                   "\"version-rolling.mask\":\"1fffe000\"},\"error\":null}\n");
    if (!span_is(said.method, "\"mining.subscribe\""))
        return put(out, said.id, YES);
    snprintf(text, sizeof text,
             ",\"result\":[[[\"mining.notify\",\"1\"]],\"%08x\",%d],\"error\":null}\n",
             number, EXTRANONCE2_BYTES);
    return put(out, said.id, text);
}

/* ---- connections ---- */

static void drop(server *s, peer *p)
{
    close(p->fd);
    if (p->before)
        p->before->next = p->next;
    else
        s->first = p->next;
    if (p->next)
        p->next->before = p->before;
    s->count--;
    rest_keep(&p->rest, NULL, 0);
    free(p);
}

static void take(server *s, int fd)
{
    const int at_once = 1;
    peer *p = s->count < MAX_PEERS ? calloc(1, sizeof *p) : NULL;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = p};

    if (!p || epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event)) {
        close(fd);
        free(p);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
    *p = (peer){.fd = fd, .number = ++s->numbers, .next = s->first};
    if (s->first)
        s->first->before = p;
    s->first = p;
    s->count++;
}

static void accept_some(server *s)
{
    int fd;

    for (int i = 0; i < MAX_EVENTS; i++) {
        fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        take(s, fd);
    }
}

/* Whether the kernel took it all: a peer that does not read is dropped. */
static bool send_all(const peer *p, const char *data, size_t size)
{
    return send(p->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)size;
}

static bool send_job(const server *s, const peer *p)
{
    return !s->job || (send_all(p, s->greeting, strlen(s->greeting)) &&
                       send_all(p, s->job, strlen(s->job)));
}

/* Answer whole lines in one go; return false if the peer is to be dropped. */
static bool answer_lines(server *s, peer *p, size_t size)
{
    const char *at = s->received, *end = at + size, *line_end;
    bool is_login = false, is_greeted = p->is_authorized;
    size_t out = 0;

    while (at < end && (line_end = memchr(at, '\n', (size_t)(end - at)))) {
        if (out + MAX_ANSWER_BYTES > OUT_BYTES) {
            if (!send_all(p, s->out, out))
                return false;
            out = 0;
        }
        out += server_answer(at, (size_t)(line_end - at), p->number, s->out + out,
                             &is_login);
        p->is_authorized |= is_login;
        at = line_end + 1;
    }
    if (out && !send_all(p, s->out, out))
        return false;
    if (p->is_authorized && !is_greeted && !send_job(s, p))
        return false;
    if (end - at >= MAX_REQUEST_BYTES)
        return false;
    return (!p->rest.data && at == end) || rest_keep(&p->rest, at, (size_t)(end - at));
}

static void serve(server *s, peer *p)
{
    ssize_t got = rest_receive(&p->rest, p->fd, s->received, RECEIVE_BYTES);

    if (got >= 0 && !(got && answer_lines(s, p, p->rest.size + (size_t)got)))
        drop(s, p);
}

/* ---- the server ---- */

static bool listen_at(server *s, const char *address, uint16_t port)
{
    const int again = 1;
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct epoll_event event = {.events = EPOLLIN};

    errno = EINVAL;
    if (inet_pton(AF_INET, address, &here.sin_addr) != 1)
        return false;
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(s->listener, SOL_SOCKET, SO_REUSEADDR, &again, sizeof again);
    return s->epoll >= 0 && s->listener >= 0 &&
           !bind(s->listener, (struct sockaddr *)&here, sizeof here) &&
           !listen(s->listener, BACKLOG) &&
           !epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->listener, &event);
}

server *server_new(const char *address, uint16_t port)
{
    server *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->epoll = s->listener = -1;
    if (listen_at(s, address, port))
        return s;
    server_free(s);
    return NULL;
}

void server_free(server *s)
{
    int error = errno;

    if (!s)
        return;
    while (s->first)
        drop(s, s->first);
    if (s->listener >= 0)
        close(s->listener);
    if (s->epoll >= 0)
        close(s->epoll);
    free(s->greeting);
    free(s->job);
    free(s);
    errno = error;
}

uint16_t server_port(const server *s)
{
    struct sockaddr_in here = {0};
    socklen_t size = sizeof here;

    getsockname(s->listener, (struct sockaddr *)&here, &size);
    return ntohs(here.sin_port);
}

bool server_post(server *s, const char *greeting, const char *lines)
{
    peer *next;

    free(s->greeting);
    free(s->job);
    s->greeting = strdup(greeting);
    s->job = strdup(lines);
    if (!s->greeting || !s->job) {
        free(s->job);
        s->job = NULL;
        return false;
    }
    for (peer *p = s->first; p; p = next) {
        next = p->next;
        if (p->is_authorized && !send_all(p, s->job, strlen(s->job)))
            drop(s, p);
    }
    return true;
}

static double clock_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void server_run(server *s, double seconds)
{
    struct epoll_event events[MAX_EVENTS];
    double end = clock_s() + seconds, left;

    while ((left = end - clock_s()) > 0) {
        int count = epoll_wait(s->epoll, events, MAX_EVENTS, 1 + (int)(1000 * left));

        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr)
                serve(s, events[i].data.ptr);
            else
                accept_some(s);
        }
    }
}
