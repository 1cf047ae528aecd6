/* Let a server say anything to the load's miners, and a miner anything to the floor.
 *
 * Build: clang -g -O1 -fsanitize=fuzzer,address,undefined \
 *            -fno-sanitize-recover=all -I proxy/bench/native \
 *            -I proxy/engine/core -I proxy/engine/loop tests/fuzz/native/fuzz_load.c \
 *            proxy/bench/native/*.c proxy/engine/core/sha256.c -o fuzz_load
 *
 * Input: what comes in, in pieces that end with 0x00. What the miner sends must be
 * whole lines, and its sums must add up; so must the answers of the floor.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "message.h"
#include "must.h"
#include "server.h"
#include "shared.h"

enum { WINDOW = 3 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int connect_miner(load *l, miner *m)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = m};
    int ends[2];

    MUST(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends));
    *m = (miner){.fd = ends[1], .difficulty = 1, .submits = true};
    MUST(!epoll_ctl(l->epoll, EPOLL_CTL_ADD, m->fd, &event));
    miner_greet(l, m);
    return ends[0];
}

/* Read what the miner sent: whole lines, each an object. */
static void check_sent(int end)
{
    static char got[1 << 18];
    ssize_t size = recv(end, got, sizeof got, 0);
    message said;

    if (size <= 0)
        return;
    MUST(got[size - 1] == '\n');
    for (char *at = got, *stop; at < got + size; at = stop + 1) {
        stop = memchr(at, '\n', (size_t)(got + size - at));
        MUST(message_read(&said, at, (size_t)(stop - at)));
        MUST(said.id.at && said.method.at && said.params.at);
    }
}

static void check_sums(const load *l)
{
    const totals *t = &l->sum;

    MUST(t->sent == t->accepted + t->rejected + t->in_flight + t->lost);
    MUST(t->in_flight <= WINDOW && t->working <= 1);
    MUST(l->notice_count <= MAX_NOTICES && t->code_count <= MAX_CODES);
}

static void say_to_miner(const uint8_t *data, size_t size)
{
    load *l = load_new("127.0.0.1", 1, "w", 1, 1e-9);
    miner *m;
    int end;

    MUST(l);
    m = &l->miners[0];
    load_submit(l, WINDOW, 0);
    end = connect_miner(l, m);
    while (size && m->fd >= 0) {
        const uint8_t *stop = memchr(data, 0, size);
        size_t piece = stop ? (size_t)(stop - data) : size;

        if (piece)
            (void)!send(end, data, piece, MSG_NOSIGNAL);
        miner_receive(l, m);
        if (m->fd >= 0)
            miner_refill(l, m);
        check_sent(end);
        check_sums(l);
        data += stop ? piece + 1 : piece;
        size -= stop ? piece + 1 : piece;
    }
    close(end);
    load_free(l);
}

static void say_to_floor(const uint8_t *data, size_t size)
{
    char *line = malloc(size ? size : 1); /* its end is watched */
    char answer[MAX_ANSWER_BYTES];
    bool is_login;
    size_t got;

    MUST(line);
    memcpy(line, data, size);
    got = server_answer(line, size, 1, answer, &is_login);
    MUST(got <= sizeof answer && (!got || answer[got - 1] == '\n'));
    MUST(!is_login || got);
    free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    say_to_miner(data, size);
    say_to_floor(data, size);
    return 0;
}
