/* The least that a Stratum server can do: every share gets the same answer, unread.
 *
 * It is the baseline that real servers are held against, and, with a difficulty that no
 * share reaches, the pool above them.
 */
#ifndef BASELOAD_BENCH_SERVER_H
#define BASELOAD_BENCH_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAX_PEERS 65536
#define MAX_REQUEST_BYTES 16384 /* a peer with a longer line is dropped */

typedef struct server server;

server *server_new(const char *address, uint16_t port); /* port 0: any. NULL: errno */
void server_free(server *s);
uint16_t server_port(const server *s);

/* Write `lines`, a job, to all that are authorised, and to all that come to be so after
 * `greeting`. False: no memory. */
bool server_post(server *s, const char *greeting, const char *lines);

void server_run(server *s, double seconds);

/* Append the answer to one line, without its newline, to `out`; return its size, 0 if
 * there is none. `out` has room for MAX_ANSWER_BYTES. */
#define MAX_ANSWER_BYTES 256
size_t server_answer(const char *line, size_t size, uint32_t number, char *out,
                     bool *is_login);

#endif
