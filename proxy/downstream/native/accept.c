#include "parts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

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

void accept_some(engine *e, int *listener)
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
                epoll_ctl(e->lanes[0]->inner, EPOLL_CTL_DEL, *listener, NULL);
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
    return !epoll_ctl(e->lanes[0]->inner, EPOLL_CTL_ADD, fd, &event) || errno == EEXIST;
}

void engine_unlisten(engine *e, int fd)
{
    for (size_t i = 0; i < e->listener_count; i++)
        if (e->listeners[i] == fd) {
            epoll_ctl(e->lanes[0]->inner, EPOLL_CTL_DEL, fd, NULL);
            e->listeners[i] = -1; /* its place stays: an event may name it */
        }
}

bool is_listener(const engine *e, const void *tag)
{
    return (const char *)tag >= (const char *)e->listeners &&
           (const char *)tag < (const char *)(e->listeners + MAX_LISTENERS);
}
