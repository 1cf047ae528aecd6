/* Many miners send the same shares at the same time, and lanes judge them.
 *
 * Build: cc -g -O1 -fsanitize=thread -I proxy/engine/core -I proxy/engine/loop \
 *           tests/fuzz/native/race.c proxy/engine/core/[a-z]*.c proxy/engine/loop/[a-z]*.c -lm -o race
 *
 * All have one slot, as a miner has that came back while its old connection was open:
 * so each share is to be accepted once, whichever lane sees it first, and all others
 * are duplicates. Prints both numbers; a race that the sanitizer finds ends it.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "must.h"
#include "wire.h"

enum { LANES = 4, MINERS = 16, ROUNDS = 40, SHARES = 50 };

static char owner, name;

static job *new_job(seen *set)
{
    static const uint8_t bytes[300];
    job_parts parts = {
        .coinb1 = bytes, .coinb1_size = 70, .coinb2 = bytes, .coinb2_size = 40,
        .branches = bytes, .branch_count = 2, .room = 8,
        .version = 0x20000000, .max_ntime = 0xffffffff,
    };

    return job_new(&parts, set, LANES);
}

static wire *open_wire(engine *e, group *g, int *end)
{
    static const uint8_t slot[4] = {0, 0, 0, 1};
    uint8_t target[32];
    int ends[2];
    wire *w;

    MUST(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends));
    *end = ends[0];
    w = wire_new(e, ends[1]);
    MUST(w && wire_set_slot(w, slot, sizeof slot) && wire_add_worker(w, "w", 1, &name));
    memset(target, 0xff, sizeof target);
    wire_add_terms(w, 1, 1.0, target);
    wire_set_session(w, true, 0, 0);
    wire_set_granted(w, true);
    wire_set_requested(w, 1.0, 0);
    wire_join(w, g);
    return w;
}

static void send_shares(int end, int round)
{
    char line[160];

    for (int i = 0; i < SHARES; i++) {
        int size = snprintf(line, sizeof line,
                            "{\"id\":1,\"method\":\"mining.submit\",\"params\":"
                            "[\"w\",\"1\",\"00000000\",\"6553f100\",\"%08x\"]}\n",
                            round * SHARES + i);

        MUST(send(end, line, (size_t)size, 0) == size);
    }
}

static void drain(int end)
{
    static char got[1 << 16];

    while (recv(end, got, sizeof got, 0) > 0)
        ;
}

int main(void)
{
    engine *e = engine_new(LANES);
    group *g = group_new();
    seen *set = seen_new();
    job *j = new_job(set);
    wire *wires[MINERS];
    int ends[MINERS];
    uint32_t found[VERDICTS], sum[VERDICTS] = {0};
    double work = 0;

    MUST(e && g && set && j && group_post(g, "1", 1, 1, j, 0, 1e9, &owner));
    for (int i = 0; i < MINERS; i++)
        wires[i] = open_wire(e, g, &ends[i]);
    MUST(wire_tap(wires[0])); /* which no one fetches: its room runs out */
    for (int round = 0; round < ROUNDS; round++) {
        bool is_busy = true;

        for (int i = 0; i < MINERS; i++)
            send_shares(ends[i], round);
        for (int turn = 0; turn < 4 || (is_busy && turn < 1000); turn++) {
            engine_run(e, round, 1.7e9 + round);
            work += engine_verdicts(e, found);
            for (int v = 0; v < VERDICTS; v++)
                sum[v] += found[v];
            engine_answer(e);
            is_busy = engine_rest(e);
        }
        for (int i = 0; i < MINERS; i++)
            drain(ends[i]);
    }
    printf("%u %u %.0f\n", sum[ACCEPTED], sum[DUPLICATE], work);
    for (int i = 0; i < MINERS; i++) {
        wire_free(wires[i]);
        close(ends[i]);
    }
    group_free(g);
    engine_free(e);
    job_free(j);
    seen_free(set);
    return 0;
}
