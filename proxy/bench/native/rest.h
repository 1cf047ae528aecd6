/* The beginning of a line whose end has not come yet. */
#ifndef BASELOAD_BENCH_REST_H
#define BASELOAD_BENCH_REST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct {
    char *data; /* NULL: none */
    size_t size;
} rest;

/* Keep a copy in place of what there was. False: no memory, and nothing is kept. */
bool rest_keep(rest *r, const char *data, size_t size);

/* Receive up to `most` bytes behind the rest, all of it into `out`; return their number
 * without the rest's. 0: the peer is gone; -1: nothing came. */
ssize_t rest_receive(const rest *r, int fd, char *out, size_t most);

/* The same; `came`: wall time in ns when the kernel had it, if the socket notes that. */
ssize_t rest_receive_at(const rest *r, int fd, char *out, size_t most, uint64_t *came);

#endif
