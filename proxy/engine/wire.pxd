"""What `wire.h` declares; the header says what each means."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from proxy.engine.share cimport job, judgement


cdef extern from "seal.h" nogil:
    bint seal_load()


cdef extern from "wire.h" nogil:
    ctypedef enum fault:
        NO_FAULT
        NOT_AUTHENTIC
        TOO_LONG

    enum:
        MAX_LANES
        VERDICTS

    ctypedef struct engine:
        pass

    ctypedef struct wire:
        pass

    ctypedef struct group:
        pass

    ctypedef struct worker:
        void *name
        uint32_t accepted
        uint32_t unlisted
        double work

    ctypedef struct record:
        wire *from_ "from"
        worker *by
        void *job
        double difficulty
        judgement got
        uint32_t ntime
        uint32_t nonce
        uint8_t extranonce2_size
        uint8_t extranonce2[32]
        uint8_t job_id_size
        char job_id[16]

    ctypedef struct tally:
        uint32_t accepted
        uint32_t rejected[9]
        double work
        double work2
        double heard_at
        double share_at
        double bad_since
        bint has_bad

    ctypedef struct tapped:
        double at
        uint32_t size
        uint32_t missed
        bint is_ours

    ctypedef struct arrival:
        int fd
        int listener
        char peer[48]

    engine *engine_new(unsigned lanes)
    unsigned engine_lanes(const engine *e)
    void engine_free(engine *e)
    int engine_fd(const engine *e)
    bint engine_listen(engine *e, int fd)
    void engine_unlisten(engine *e, int fd)
    void engine_run(engine *e, double now, double wall)
    const record *engine_records(const engine *e, unsigned lane, size_t *count)
    const arrival *engine_arrivals(const engine *e, size_t *count)
    bint engine_can_encrypt(const engine *e)
    bint engine_is_crowded(const engine *e)
    double engine_verdicts(const engine *e, uint32_t *verdicts)
    worker *engine_next_sums(engine *e)
    void engine_answer(engine *e)
    wire *engine_next_due(engine *e)
    wire *engine_next_asking(engine *e)
    wire *engine_next_lost(engine *e)
    wire *engine_next_touched(engine *e)
    void engine_pause(engine *e)
    bint engine_rest(engine *e)

    wire *wire_new(engine *e, int fd)
    void wire_free(wire *w)
    void wire_set_owner(wire *w, void *owner)
    void *wire_owner(const wire *w)
    const uint8_t *wire_slot(const wire *w, size_t *size)
    bint wire_is_open(const wire *w)
    bint wire_fell_behind(const wire *w)
    void wire_hold(wire *w)
    void wire_release(wire *w)
    void wire_hang_up(wire *w)
    void wire_part(wire *w)
    void wire_write(wire *w, const char *data, size_t size)
    bint wire_ask(wire *w, const char **line, size_t *size)
    void wire_wait(wire *w)
    void wire_settle(wire *w, tally *out)
    void wire_set_session(wire *w, bint is_subscribed, uint32_t mask, uint32_t told)
    void wire_set_granted(wire *w, bint is_granted)
    void wire_set_requested(wire *w, double difficulty, uint32_t shares_left)
    bint wire_set_slot(wire *w, const uint8_t *slot, size_t size)
    bint wire_add_worker(wire *w, const char *text, size_t size, void *name)
    void wire_add_terms(wire *w, int64_t seq, double difficulty, const uint8_t *target)
    void wire_join(wire *w, group *g)
    void wire_set_class(wire *w, unsigned hashrate_class)

    void wire_hand_up_first(wire *w, size_t size)
    bint wire_unread(wire *w, const char *data, size_t size)
    bint wire_encrypt(
        wire *w,
        const uint8_t *key_in,
        uint64_t in_nonce,
        const uint8_t *key_out,
        uint64_t out_nonce,
    )
    fault wire_fault(const wire *w)
    size_t wire_frame_size(const wire *w)
    wire *wire_channel(wire *carrier)
    bint wire_open_channel(
        wire *w, wire *carrier, uint32_t id, size_t filling_size, bint is_standard
    )
    void wire_close_channel(wire *w)

    bint wire_tap(wire *w)
    bint wire_next_tapped(wire *w, tapped *head, const char **data)
    void wire_untap(wire *w)

    group *group_new()
    void group_free(group *g)
    size_t group_size(const group *g)
    bint group_post(
        group *g,
        const char *id,
        size_t size,
        int64_t seq,
        job *row,
        uint32_t mask,
        double ceiling,
        void *owner,
    )
    void group_make_stale(group *g, int64_t seq, double at)
    void group_retire(group *g, int64_t seq)

    ctypedef struct notice:
        group *to
        const char *line
        size_t size

    ctypedef struct untold:
        wire *to
        size_t of

    size_t groups_notify(const notice *notices, size_t count, untold *others)
