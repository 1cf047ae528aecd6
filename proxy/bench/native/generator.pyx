# cython: language_level=3
"""The load and the bare server of this folder's C files, as Python sees them."""

from libc.errno cimport errno
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy, memset

from proxy.bench.native cimport generator as c

import os

from proxy.bench.totals import Notice, Totals

SLICE = 0.05
"""Seconds between looks at signals, while C runs without the interpreter."""

cdef size_t MAX_TRIES = 1 << 24


cdef OSError failed(str doing):
    return OSError(errno, f"{doing}: {os.strerror(errno)}")


cdef class Load:
    """Miners of one server, on the calling thread.

    Args:
        address: IPv4.
        room: Connections there may be at a time.
        fallback: Difficulty to mine at where the server's is out of reach.

    Raises:
        OSError: The address is none, or the kernel has no epoll for it.
    """

    cdef c.load *load

    def __cinit__(self, str address, uint16_t port, size_t room, double fallback=1e-9):
        cdef bytes host = address.encode()
        self.load = c.load_new(host, port, b"bench.", room, fallback)
        if self.load is NULL:
            raise failed(f"{address}:{port}")

    def __dealloc__(self):
        c.load_free(self.load)

    def open(self, size_t count, double per_second=0.0, bint submit=True):
        """Connect `count` more, so many a second; 0: all at once."""
        c.load_open(self.load, count, per_second, submit)

    def close(self, size_t count):
        """Hang up on `count` of those that work."""
        c.load_close(self.load, count)

    def submit(self, unsigned window, double pace=0.0):
        """Keep `window` shares of each miner in flight; 0: send no more.

        Args:
            pace: Shares per second of all; 0: as fast as the answers come.
        """
        c.load_submit(self.load, window, pace)

    def miss(self, bint misses):
        """Send shares that miss the difficulty, or that meet it."""
        c.load_miss(self.load, misses)

    def run(self, double seconds):
        """Run for so long."""
        self._run(seconds, c.TIME_IS_UP)

    def run_until_work(self, double seconds):
        """Run until each miner has a job or is gone; return False if time is up."""
        return self._run(seconds, c.ALL_WORK)

    def run_until_answered(self, double seconds):
        """Run until no share is in flight; return False if time is up."""
        return self._run(seconds, c.ALL_ANSWERED)

    cdef bint _run(self, double seconds, c.goal until) except -1:
        cdef bint reached = False
        cdef double piece
        while seconds > 0 and not reached:
            piece = min(seconds, SLICE)
            with nogil:
                reached = c.load_run(self.load, piece, until)
            seconds -= piece  # a signal's handler runs here
        return reached

    def totals(self):
        """Return the sums since the beginning."""
        cdef c.totals t
        c.load_totals(self.load, &t)
        return Totals(
            at=t.at,
            sent=t.sent,
            accepted=t.accepted,
            rejected=t.rejected,
            in_flight=t.in_flight,
            lost=t.lost,
            retargets=t.retargets,
            skipped=t.skipped,
            working=t.working,
            opened=t.opened,
            failed=t.failed,
            dropped=t.dropped,
            closed=t.closed,
            why_failed=os.strerror(t.error) if t.error else "",
            working_at=t.working_at,
            refusals={t.codes[i]: t.refusals[i] for i in range(t.code_count)},
        )

    def forget(self):
        """Let `within` and `notices` begin anew."""
        c.load_forget(self.load)

    def within(self, double share):
        """Return the seconds within which `share` (0 to 1) of the answers came."""
        return c.latency_within(c.load_replies(self.load), share)

    def notices(self):
        """Return when each job came, oldest first."""
        cdef size_t count, i
        cdef const c.notice *found = c.load_notices(self.load, &count)
        return [
            Notice(found[i].first, found[i].last, found[i].count) for i in range(count)
        ]


cdef class Server:
    """The bare server.

    Args:
        address: IPv4.
        port: 0: any.

    Raises:
        OSError: The port cannot be had.
    """

    cdef c.server *server

    def __cinit__(self, str address, uint16_t port):
        cdef bytes host = address.encode()
        self.server = c.server_new(host, port)
        if self.server is NULL:
            raise failed(f"{address}:{port}")

    def __dealloc__(self):
        c.server_free(self.server)

    @property
    def port(self):
        """Return the port that it listens on."""
        return c.server_port(self.server)

    def post(self, bytes greeting not None, bytes lines not None):
        """Send `lines` to all; those who come later get `greeting` before them."""
        if not c.server_post(self.server, greeting, lines):
            raise MemoryError

    def run(self, double seconds):
        """Serve for so long."""
        cdef double piece
        while seconds > 0:
            piece = min(seconds, SLICE)
            with nogil:
                c.server_run(self.server, piece)
            seconds -= piece


def read_message(const uint8_t[::1] line not None):
    """Return id, method, params, result and error as spelled; None: no object."""
    cdef c.message m
    if not line.shape[0] or not c.message_read(
        &m, <const char *>&line[0], line.shape[0]
    ):
        return None
    return tuple([spelled(m.id), spelled(m.method), spelled(m.params),
                  spelled(m.result), spelled(m.error)])


cdef object spelled(c.span value):
    """Return the bytes of a value; None: there is none."""
    return None if value.at is NULL else value.at[: value.size]


def find_nonces(
    bytes params not None,
    bytes extranonce1 not None,
    bytes extranonce2 not None,
    double difficulty,
    size_t count,
    bint misses=False,
):
    """Return `count` nonces that meet a difficulty, or miss it, on a job.

    Args:
        params: Of mining.notify.
        count: 1 to 64.

    Raises:
        ValueError: There is no such job, or it has not so many.
    """
    cdef c.span text
    cdef c.extranonce one, two
    cdef c.work work
    cdef c.hash_range wanted
    cdef uint32_t nonces[64]
    cdef size_t found
    cdef bint is_begun
    if max(len(extranonce1), len(extranonce2)) > c.MAX_EXTRANONCE_BYTES or count > 64:
        raise ValueError("more than there is room for")
    text.at, text.size = params, len(params)
    one.size, two.size = len(extranonce1), len(extranonce2)
    memcpy(one.bytes, <const char *>extranonce1, one.size)
    memcpy(two.bytes, <const char *>extranonce2, two.size)
    cdef c.job *job = c.job_read(text)
    if job is NULL:
        raise ValueError("these are no params of mining.notify")
    wanted = c.range_missing(difficulty) if misses else c.range_meeting(difficulty)
    is_begun = c.work_begin(&work, job, &one, &two)
    c.job_leave(job)
    found = c.work_find(&work, wanted, nonces, count, MAX_TRIES) if is_begun else 0
    if found < count:
        raise ValueError(f"{found} nonces in range, {count} wanted")
    return [nonces[i] for i in range(count)]


def time_within(times, double share):
    """Return the time, in seconds, that `share` of `times` (ns) are within."""
    cdef c.latency latency
    memset(&latency, 0, sizeof(latency))
    for ns in times:
        c.latency_add(&latency, ns)
    return c.latency_within(&latency, share)


HASHING = c.sha256_choose(NULL).decode()
"""Name of the code that hashes."""
