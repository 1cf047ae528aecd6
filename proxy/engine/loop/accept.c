#include "parts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

static void name_peer(const struct sockaddr_storage *from, char *out, size_t size)
{
    const void *address = &((const struct sockaddr_in *)from)->sin_addr;
    int family = from->ss_family;

    if (family == AF_INET6) {
        const struct in6_addr *v6 = &((const struct sockaddr_in6 *)from)->sin6_addr;

        address = v6;
        if (IN6_IS_ADDR_V4MAPPED(v6)) { /* IPv4 on a port of both (RFC 4291, 2.5.5.2) */
            family = AF_INET;
            address = v6->s6_addr + 12;
        }
    }
    if (family != AF_INET && family != AF_INET6)
        memcpy(out, "local", sizeof "local");
    else if (!inet_ntop(family, address, out, (socklen_t)size))
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

/* The place of a listener, or a free one for -1; NULL: there is none. */
static int *place_of(engine *e, int fd)
{
    for (int *at = e->listeners; at < e->listeners + MAX_LISTENERS; at++)
        if (*at == fd)
            return at;
    return NULL;
}

/* A place that was closed is taken again. An event of this turn may still name it:
 * then the new listener is asked, which does no harm. */
bool engine_listen(engine *e, int fd)
{
    struct epoll_event event = {.events = EPOLLIN};
    int *at = place_of(e, fd);

    if (!at && !(at = place_of(e, -1))) {
        errno = ENOSPC;
        return false;
    }
    event.data.ptr = at;
    if (epoll_ctl(e->lanes[0]->inner, EPOLL_CTL_ADD, fd, &event) && errno != EEXIST)
        return false;
    *at = fd;
    return true;
}

void engine_unlisten(engine *e, int fd)
{
    int *at = place_of(e, fd);

    if (!at)
        return;
    epoll_ctl(e->lanes[0]->inner, EPOLL_CTL_DEL, fd, NULL);
    *at = -1;
}

bool is_listener(const engine *e, const void *tag)
{
    return (const char *)tag >= (const char *)e->listeners &&
           (const char *)tag < (const char *)(e->listeners + MAX_LISTENERS);
}
