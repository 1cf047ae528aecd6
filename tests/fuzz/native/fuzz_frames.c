/* Drive connections of Stratum V2 with arbitrary frames, in arbitrary pieces.
 *
 * Build: as fuzz_share.c, and -ldl.
 *
 * Input: commands of a byte and a length of two, then so many bytes. Frames are sealed
 * by a peer that holds the keys, since no fuzzer guesses a MAC; what is not sealed has
 * to cost the connection and nothing else. Answers are opened: each is a whole frame.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "must.h"
#include "seal.h"
#include "wire.h"

enum { WIRES = 2, LANES = 2, CHANNELS = 3, HEAD = 6, HEARD = 1 << 19 };

static char owner, name;

typedef struct {
    int end; /* -1: hung up */
    wire *carrier;
    wire *channels[CHANNELS];
    seal_key out, in;
    uint8_t *heard;
    size_t heard_size, payload_size;
    bool has_header;
} peer;

typedef struct {
    engine *e;
    group *g;
    seen *set;
    job *j;
    sealer *sealer;
    peer peers[WIRES];
    double now;
} floor_state;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void open_channel(floor_state *f, peer *p, int i)
{
    static const uint8_t slot[4] = {0, 0, 0, 1};
    uint8_t target[32];
    wire *w = wire_channel(p->carrier);

    MUST(w && wire_set_slot(w, slot, i ? 4 : 2)); /* a proxy's is shorter */
    MUST(wire_add_worker(w, "w", 1, &name));
    memset(target, 0x7f, sizeof target);
    wire_add_terms(w, 1, 1.0, target);
    wire_set_session(w, true, 0x1fffe000, 0x1fffe000);
    wire_set_granted(w, true);
    wire_set_requested(w, 1.0, 3);
    wire_set_owner(w, w);
    wire_join(w, f->g);
    MUST(wire_open_channel(w, p->carrier, (uint32_t)i + 2, i == 2 ? 0 : 2, i == 1));
    p->channels[i] = w;
}

static void open_peer(floor_state *f, peer *p)
{
    int ends[2];

    MUST(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends));
    *p = (peer){.end = ends[0], .heard = malloc(HEARD)};
    p->carrier = wire_new(f->e, ends[1]);
    MUST(p->carrier && p->heard);
    wire_set_owner(p->carrier, p->carrier);
    memset(p->out.key, 1, sizeof p->out.key);
    memset(p->in.key, 2, sizeof p->in.key);
    MUST(wire_encrypt(p->carrier, p->out.key, 0, p->in.key, 0));
    for (int i = 0; i < CHANNELS; i++)
        open_channel(f, p, i);
}

static void set_up(floor_state *f)
{
    static const uint8_t bytes[300];
    job_parts parts = {
        .coinb1 = bytes, .coinb1_size = 70, .coinb2 = bytes, .coinb2_size = 40,
        .branches = bytes, .branch_count = 2, .room = 8,
        .version = 0x20000000, .max_ntime = 0xffffffff,
    };

    *f = (floor_state){.set = seen_new(), .g = group_new(), .sealer = sealer_new()};
    f->e = engine_new(LANES);
    MUST(f->e && f->g && f->set && f->sealer && engine_can_encrypt(f->e));
    f->j = job_new(&parts, f->set, LANES);
    MUST(f->j && group_post(f->g, "1", 1, 1, f->j, 0x1fffe000, 1e9, &owner));
    for (int i = 0; i < WIRES; i++)
        open_peer(f, &f->peers[i]);
    MUST(wire_tap(f->peers[0].carrier));
}

static void tear_down(floor_state *f)
{
    for (int i = 0; i < WIRES; i++) {
        peer *p = &f->peers[i];

        if (i) /* either order is Python's garbage collector's */
            wire_free(p->carrier);
        for (int k = 0; k < CHANNELS; k++)
            wire_free(p->channels[k]);
        if (!i)
            wire_free(p->carrier);
        if (p->end >= 0)
            close(p->end);
        free(p->heard);
    }
    group_free(f->g);
    engine_free(f->e);
    job_free(f->j);
    seen_free(f->set);
    sealer_free(f->sealer);
}

/* Open what has been heard, and count the frames. */
static size_t open_heard(floor_state *f, peer *p)
{
    static uint8_t plain[1 << 16];
    uint8_t *at = p->heard, *const end = p->heard + p->heard_size;
    size_t frames = 0;

    for (;;) {
        size_t part = p->has_header ? p->payload_size : HEAD;

        if ((size_t)(end - at) < part + MAC_BYTES)
            break;
        MUST(unseal(f->sealer, &p->in, plain, at, part));
        at += part + MAC_BYTES;
        if (!p->has_header) {
            p->payload_size = plain[3] | (size_t)plain[4] << 8 | (size_t)plain[5] << 16;
            MUST(p->payload_size && p->payload_size < 1024);
        } else
            frames++;
        p->has_header = !p->has_header;
    }
    p->heard_size = (size_t)(end - at);
    memmove(p->heard, at, p->heard_size);
    return frames;
}

static size_t drain(floor_state *f)
{
    size_t frames = 0;

    for (int i = 0; i < WIRES; i++) {
        peer *p = &f->peers[i];
        ssize_t n;

        if (p->end < 0)
            continue;
        n = recv(p->end, p->heard + p->heard_size, HEARD - p->heard_size, 0);
        p->heard_size += n > 0 ? (size_t)n : 0;
        frames += open_heard(f, p);
    }
    return frames;
}

static size_t count_verdicts(const floor_state *f)
{
    uint32_t verdicts[VERDICTS];
    size_t judged = 0;

    (void)engine_verdicts(f->e, verdicts);
    for (int i = 0; i < VERDICTS; i++)
        judged += verdicts[i];
    return judged;
}

static void ask_around(floor_state *f)
{
    const char *frame;
    size_t size;
    wire *w;

    for (int i = 0; i < 8 && (w = engine_next_asking(f->e)); i++) {
        for (int k = 0; k < 4 && wire_ask(w, &frame, &size); k++)
            MUST(size >= HEAD && size <= HEAD + 0x14000);
        if (wire_fault(w))
            wire_hang_up(w); /* as Python does */
        else
            wire_wait(w);
    }
    while ((w = engine_next_lost(f->e)))
        MUST(!wire_is_open(w));
}

/* All that was recorded of a connection is whole frames, in the clear. */
static void look_into(wire *w)
{
    tapped head;
    const char *data;

    while (wire_next_tapped(w, &head, &data))
        for (size_t at = 0, size; at < head.size; at += size) {
            const uint8_t *p = (const uint8_t *)data + at;

            MUST(head.size - at >= HEAD);
            size = HEAD + (p[3] | (size_t)p[4] << 8 | (size_t)p[5] << 16);
            MUST(size <= head.size - at && (head.is_ours || size == head.size));
        }
}

static void turn(floor_state *f)
{
    size_t judged;
    wire *w;
    worker *by;
    tally sum;

    engine_run(f->e, f->now, 1.7e9 + f->now);
    f->now += 0.5;
    judged = count_verdicts(f);
    while ((by = engine_next_sums(f->e)))
        by->accepted = by->unlisted = 0;
    MUST(drain(f) == 0); /* nothing is answered before it is durable */
    engine_answer(f->e);
    MUST(drain(f) <= judged);
    while ((w = engine_next_due(f->e)) || (w = engine_next_touched(f->e))) {
        wire_settle(w, &sum);
        MUST(sum.work == (double)sum.accepted);
    }
    ask_around(f);
    look_into(f->peers[0].carrier); /* the other is not recorded */
    (void)engine_rest(f->e);
}

static void send_bytes_of(peer *p, const uint8_t *bytes, size_t size)
{
    if (p->end >= 0 && size)
        (void)!send(p->end, bytes, size, MSG_NOSIGNAL);
}

/* Seal a frame of `size` payload bytes, and send it in two pieces cut at `cut`. */
static void send_frame(floor_state *f, peer *p, uint8_t kind, size_t cut,
                       const uint8_t *payload, size_t size)
{
    uint8_t head[HEAD] = {0, 0x80, kind, (uint8_t)size, (uint8_t)(size >> 8), 0};
    uint8_t sealed[HEAD + MAC_BYTES + (1 << 16) + MAC_BYTES];
    size_t whole = HEAD + MAC_BYTES;

    if (p->out.nonce > 1000000 || !seal(f->sealer, &p->out, sealed, head, HEAD))
        return;
    if (size) {
        MUST(seal(f->sealer, &p->out, sealed + whole, payload, size));
        whole += size + MAC_BYTES;
    }
    cut = cut < whole ? cut : whole;
    send_bytes_of(p, sealed, cut);
    turn(f);
    send_bytes_of(p, sealed + cut, whole - cut);
}

static void obey(floor_state *f, uint8_t command, const uint8_t *text, size_t size)
{
    peer *p = &f->peers[command & 1];
    int i = command >> 1 & 1;

    switch (command >> 2 & 15) {
    case 0:
        wire_hang_up(p->carrier);
        break;
    case 1:
        wire_set_granted(p->channels[i], size & 1);
        break;
    case 2:
        group_make_stale(f->g, 1, f->now);
        break;
    case 3:
        wire_close_channel(p->channels[i]);
        break;
    case 4:
        if (p->end >= 0)
            close(p->end);
        p->end = -1;
        break;
    case 5:
        send_bytes_of(p, text, size); /* not sealed */
        break;
    case 6:
        send_frame(f, p, size ? text[0] : 0, size, text, size);
        break;
    default:
        send_frame(f, p, command & 64 ? 0x1a : 0x1b, command >> 2, text, size);
    }
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    MUST(seal_load());
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    floor_state f;

    set_up(&f);
    while (size >= 3) {
        size_t length = data[1] | (size_t)data[2] << 8;

        length = length < size - 3 ? length : size - 3;
        obey(&f, data[0], data + 3, length);
        turn(&f);
        data += 3 + length;
        size -= 3 + length;
    }
    for (int i = 0; i < 3; i++)
        turn(&f);
    tear_down(&f);
    return 0;
}
