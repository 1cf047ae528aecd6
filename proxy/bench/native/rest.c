#include "rest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

bool rest_keep(rest *r, const char *data, size_t size)
{
    free(r->data);
    r->data = size ? malloc(size) : NULL;
    r->size = r->data ? size : 0;
    if (r->data)
        memcpy(r->data, data, size);
    return r->size == size;
}

ssize_t rest_receive(const rest *r, int fd, char *out, size_t most)
{
    ssize_t got = recv(fd, out + r->size, most, MSG_DONTWAIT);

    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? -1 : 0;
    if (r->size)
        memcpy(out, r->data, r->size);
    return got;
}
