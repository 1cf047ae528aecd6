#define _GNU_SOURCE
#include "rest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

bool rest_keep(rest *r, const char *data, size_t size)
{
    free(r->data);
    r->data = size ? malloc(size) : NULL;
    r->size = r->data ? size : 0;
    if (r->data)
        memcpy(r->data, data, size);
    return r->size == size;
}

static ssize_t given(const rest *r, char *out, ssize_t got)
{
    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? -1 : 0;
    if (r->size)
        memcpy(out, r->data, r->size);
    return got;
}

ssize_t rest_receive_at(const rest *r, int fd, char *out, size_t most, uint64_t *came)
{
    char control[CMSG_SPACE(sizeof(struct timespec))];
    struct iovec into = {out + r->size, most};
    struct msghdr message = {.msg_iov = &into, .msg_iovlen = 1, .msg_control = control,
                             .msg_controllen = sizeof control};
    ssize_t got = recvmsg(fd, &message, MSG_DONTWAIT);
    struct cmsghdr *note = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    struct timespec at;

    if (note && note->cmsg_level == SOL_SOCKET && note->cmsg_type == SCM_TIMESTAMPNS) {
        memcpy(&at, CMSG_DATA(note), sizeof at);
        *came = (uint64_t)at.tv_sec * 1000000000 + (uint64_t)at.tv_nsec;
    }
    return given(r, out, got);
}

ssize_t rest_receive(const rest *r, int fd, char *out, size_t most)
{
    return given(r, out, recv(fd, out + r->size, most, MSG_DONTWAIT));
}
