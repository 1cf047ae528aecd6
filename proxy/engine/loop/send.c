#include "parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

bool watch(wire *w, int how, bool wants_out)
{
    struct epoll_event event = {
        .events = EPOLLIN | (wants_out ? EPOLLOUT : 0),
        .data.ptr = w,
    };

    w->wants_out = wants_out;
    return !epoll_ctl(w->lane->inner, how, w->fd, &event);
}

void lose(wire *w)
{
    if (w->channel)
        w = w->channel->carrier;
    if (!w || w->fd < 0)
        return;
    close(w->fd); /* which takes it out of the epoll as well */
    w->fd = -1;
    free(w->kept);
    free(w->unsent);
    noise_free(w->noise);
    w->noise = NULL;
    w->kept = w->unsent = NULL;
    w->kept_size = w->unsent_size = 0;
    enqueue(w, LOST);
    wake_at_once(w->lane->engine);
}

static void keep_unsent(wire *w, const char *data, size_t size)
{
    char *more;

    w->fell_behind = w->unsent_size + size > unsent_limit(w);
    if (w->fell_behind || !(more = realloc(w->unsent, w->unsent_size + size))) {
        lose(w); /* dropped, not buffered */
        return;
    }
    memcpy(more + w->unsent_size, data, size);
    w->unsent = more;
    w->unsent_size += size;
    if (!w->wants_out && !w->is_held && !watch(w, EPOLL_CTL_MOD, true))
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

void wire_hold(wire *w)
{
    w->is_held = w->fd >= 0;
}

void wire_release(wire *w)
{
    if (!w->is_held)
        return;
    w->is_held = false;
    if (w->fd >= 0 && w->unsent_size && !w->wants_out)
        send_unsent(w);
}

void send_bytes(wire *w, const char *data, size_t size)
{
    ssize_t sent = 0;

    if (w->unsent_size + size > MAX_UNSENT_BYTES / 2)
        wire_release(w); /* so that nobody falls behind by our doing */
    if (w->fd < 0 || !size)
        return;
    if (!w->unsent_size && !w->is_held)
        sent = send_some(w, data, size);
    if (sent < 0)
        lose(w);
    else if ((size_t)sent < size)
        keep_unsent(w, data + sent, size - (size_t)sent);
}

void send_unsent(wire *w)
{
    ssize_t sent = send_some(w, w->unsent, w->unsent_size);

    if (sent < 0) {
        lose(w);
        return;
    }
    w->unsent_size -= (size_t)sent;
    if (w->unsent_size) {
        memmove(w->unsent, w->unsent + sent, w->unsent_size);
        if (!w->wants_out && !watch(w, EPOLL_CTL_MOD, true))
            lose(w);
        return;
    }
    free(w->unsent);
    w->unsent = NULL;
    w->largest = 0;
    if (w->wants_out && !watch(w, EPOLL_CTL_MOD, false))
        lose(w);
}
