"""What the headers of the load declare; they say what each means."""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t


cdef extern from "message.h" nogil:
    ctypedef struct span:
        const char *at
        size_t size

    ctypedef struct message:
        span id
        span method
        span params
        span result
        span error

    bint message_read(message *out, const char *line, size_t size)


cdef extern from "sha256.h" nogil:
    const char *sha256_choose(const char *name)


cdef extern from "work.h" nogil:
    enum:
        MAX_EXTRANONCE_BYTES

    ctypedef struct job:
        char *id
        uint32_t ntime

    job *job_read(span params)
    void job_leave(job *j)

    ctypedef struct hash_range:
        uint64_t least
        uint64_t most

    hash_range range_meeting(double difficulty)
    hash_range range_missing(double difficulty)

    ctypedef struct work:
        pass

    ctypedef struct extranonce:
        uint8_t *bytes
        size_t size

    bint work_begin(work *w, const job *j, const extranonce *one, const extranonce *two)
    size_t work_find(
        work *w, hash_range wanted, uint32_t *nonces, size_t count, size_t tries
    )


cdef extern from "latency.h" nogil:
    ctypedef struct latency:
        uint64_t count
        uint64_t longest

    void latency_add(latency *l, uint64_t ns)
    double latency_within(const latency *l, double share)


cdef extern from "load.h" nogil:
    enum:
        MAX_WORKER_BYTES
        MAX_CODES

    ctypedef struct load:
        pass

    ctypedef struct totals:
        double at
        uint64_t sent
        uint64_t accepted
        uint64_t rejected
        uint64_t in_flight
        uint64_t lost
        uint64_t retargets
        uint64_t skipped
        uint64_t working
        uint64_t opened
        uint64_t failed
        uint64_t dropped
        uint64_t closed
        int error
        double working_at
        uint64_t code_count
        uint64_t *codes
        uint64_t *refusals

    ctypedef struct notice:
        double first
        double last
        uint64_t count

    ctypedef enum goal:
        TIME_IS_UP
        ALL_WORK
        ALL_ANSWERED

    load *load_new(
        const char *address, uint16_t port, const char *worker, size_t room,
        double fallback
    )
    void load_free(load *l)
    void load_open(load *l, size_t count, double per_second, bint submit)
    void load_close(load *l, size_t count)
    void load_submit(load *l, unsigned window, double pace)
    void load_miss(load *l, bint misses)
    bint load_run(load *l, double seconds, goal until)
    void load_totals(const load *l, totals *out)
    const latency *load_replies(const load *l)
    void load_forget(load *l)
    const notice *load_notices(const load *l, size_t *count)


cdef extern from "server.h" nogil:
    ctypedef struct server:
        pass

    server *server_new(const char *address, uint16_t port)
    void server_free(server *s)
    uint16_t server_port(const server *s)
    bint server_post(server *s, const char *greeting, const char *lines)
    void server_run(server *s, double seconds)
