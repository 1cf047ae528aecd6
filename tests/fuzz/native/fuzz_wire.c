/* Drive connections of the engine with arbitrary bytes, in arbitrary pieces.
 *
 * Build: as fuzz_share.c.
 *
 * Input: commands of a byte; most take the bytes up to the next 0x00 as what a miner
 * sends. Answers are checked to be whole lines, as many as there were verdicts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "must.h"
#include "wire.h"

static const char OTHER[] = "{\"id\":2,\"result\":true}\n";

enum { WIRES = 3, LANES = 2 };

static char owner, name;

typedef struct {
    engine *e;
    group *g;
    seen *set;
    job *jobs[2];
    wire *wires[WIRES];
    int ends[WIRES];
    double now;
} floor_state;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void open_wire(floor_state *f, int i)
{
    static const uint8_t slot[4] = {0, 0, 0, 1};
    uint8_t target[32];
    int ends[2];

    MUST(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends));
    f->ends[i] = ends[0];
    f->wires[i] = wire_new(f->e, ends[1]);
    MUST(f->wires[i]);
    memset(target, 0x7f, sizeof target);
    MUST(wire_set_slot(f->wires[i], slot, i % 2 ? 2 : 4)); /* a proxy's is shorter */
    MUST(wire_add_worker(f->wires[i], "w", 1, &name));
    wire_add_terms(f->wires[i], 1, 1.0, target);
    wire_set_session(f->wires[i], true, 0x1fffe000, 0x1fffe000);
    wire_set_granted(f->wires[i], true);
    wire_set_requested(f->wires[i], 1.0, 3);
    wire_set_owner(f->wires[i], f->wires[i]);
    wire_join(f->wires[i], f->g);
}

static void set_up(floor_state *f)
{
    static const uint8_t bytes[300];
    job_parts parts = {
        .coinb1 = bytes, .coinb1_size = 70, .coinb2 = bytes, .coinb2_size = 40,
        .branches = bytes, .branch_count = 2, .room = 8,
        .version = 0x20000000, .max_ntime = 0xffffffff,
    };

    *f = (floor_state){.e = engine_new(LANES), .g = group_new(), .set = seen_new()};
    MUST(f->e && f->g && f->set);
    for (int i = 0; i < 2; i++) {
        memset(parts.block_target, i ? 0x3f : 0, sizeof parts.block_target);
        f->jobs[i] = job_new(&parts, f->set, LANES);
        MUST(f->jobs[i]);
        MUST(group_post(f->g, i ? "2" : "1", 1, i + 1, f->jobs[i], 0x1fffe000, 1e9,
                        &owner));
    }
    for (int i = 0; i < WIRES; i++)
        open_wire(f, i);
}

static void tear_down(floor_state *f)
{
    for (int i = 0; i < WIRES; i++) {
        wire_free(f->wires[i]);
        if (f->ends[i] >= 0)
            close(f->ends[i]);
    }
    group_free(f->g);
    engine_free(f->e);
    job_free(f->jobs[0]);
    job_free(f->jobs[1]);
    seen_free(f->set);
}

static size_t drain(floor_state *f)
{
    static char got[1 << 18];
    size_t lines = 0;

    for (int i = 0; i < WIRES; i++) {
        ssize_t n = f->ends[i] < 0 ? 0 : recv(f->ends[i], got, sizeof got, 0);

        if (n <= 0)
            continue;
        MUST(got[n - 1] == '\n');
        for (ssize_t k = 0; k < n; k++)
            lines += got[k] == '\n';
    }
    return lines;
}

static void turn(floor_state *f)
{
    const char *line;
    uint32_t verdicts[VERDICTS];
    size_t size, count, judged = 0, listed = 0;
    wire *w;
    worker *by;
    tally sum;

    engine_run(f->e, f->now, 1.7e9 + f->now);
    f->now += 0.5;
    (void)engine_verdicts(f->e, verdicts);
    for (int i = 0; i < VERDICTS; i++)
        judged += verdicts[i];
    for (unsigned lane = 0; lane < engine_lanes(f->e); lane++) {
        (void)engine_records(f->e, lane, &count);
        MUST(count <= MAX_RECORDS);
        listed += count;
    }
    MUST(listed <= judged);
    while ((by = engine_next_sums(f->e)))
        by->accepted = by->unlisted = 0;
    MUST(drain(f) == 0); /* nothing is answered before it is durable */
    engine_answer(f->e);
    MUST(drain(f) <= judged); /* fewer, where the id was null */
    while ((w = engine_next_due(f->e)) || (w = engine_next_touched(f->e))) {
        wire_settle(w, &sum);
        MUST(sum.work == (double)sum.accepted);
    }
    for (int i = 0; i < 8 && (w = engine_next_asking(f->e)); i++) {
        wire_hold(w);
        for (int k = 0; k < 4 && wire_ask(w, &line, &size); k++) {
            MUST(size <= MAX_LINE_BYTES + 65536 + 2);
            wire_write(w, OTHER, sizeof OTHER - 1);
            if (size % 16 == 15)
                wire_part(w); /* with its last words */
        }
        wire_wait(w);
        wire_release(w);
    }
    (void)drain(f); /* of what was asked, and not judged */
    while ((w = engine_next_lost(f->e)))
        MUST(!wire_is_open(w));
}

/* Record a wire, or look at what was recorded: our pieces are whole lines. */
static void look_into(wire *w)
{
    tapped head;
    const char *data;

    if (wire_tap(w))
        return;
    for (int i = 0; i < 8 && wire_next_tapped(w, &head, &data); i++) {
        MUST(head.size && head.size <= TAP_BYTES);
        MUST(!head.is_ours || (data[0] == '{' && data[head.size - 1] == '\n'));
    }
}

static void obey(floor_state *f, uint8_t command, const uint8_t *text, size_t size)
{
    int i = command % WIRES;
    const notice both[] = {
        {.to = f->g, .line = "{\"id\":null}\n", .size = 12},
        {.to = f->g, .line = "{\"id\":1}\n", .size = 9},
    };
    untold others[2 * WIRES];

    switch (command / WIRES % 8) {
    case 0:
        wire_hang_up(f->wires[i]);
        break;
    case 1:
        wire_set_granted(f->wires[i], size & 1);
        break;
    case 2:
        group_make_stale(f->g, 1 + (int64_t)(size & 1), f->now);
        break;
    case 3:
        wire_set_class(f->wires[i], (unsigned)size);
        MUST(groups_notify(both, 1 + (size & 1), others) <= 2 * WIRES);
        (void)drain(f);
        break;
    case 4:
        if (f->ends[i] >= 0)
            close(f->ends[i]);
        f->ends[i] = -1;
        break;
    case 6:
        if (size & 1)
            wire_untap(f->wires[i]);
        else
            look_into(f->wires[i]);
        break;
    default:
        if (f->ends[i] >= 0 && size)
            (void)!send(f->ends[i], text, size, MSG_NOSIGNAL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    floor_state f;

    set_up(&f);
    while (size) {
        const uint8_t *end = memchr(data + 1, 0, size - 1);
        size_t length = end ? (size_t)(end - data) : size;

        obey(&f, data[0], data + 1, length - 1);
        turn(&f);
        data += end ? length + 1 : length;
        size -= end ? length + 1 : length;
    }
    for (int i = 0; i < 3; i++) {
        turn(&f);
        (void)engine_rest(f.e);
    }
    tear_down(&f);
    return 0;
}
