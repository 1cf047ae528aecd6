# cython: language_level=3
"""The share engine of `share.h` and `wire.h`, as Python sees it.

What is decided in Python is copied down, and what the engine finds is handed up as
Python values. No rule of its own: what a share is worth is said in `share.c`.
"""

cimport cython
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.unicode cimport PyUnicode_DecodeASCII
from libc.errno cimport errno
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

from proxy.engine cimport share as c
from proxy.engine cimport wire as w

import os

from protocol.bitcoin.target import MAX_TARGET, target_from_difficulty
from protocol.errors import LocalError, RemoteError
from protocol.noise.cipher import DecryptionError
from protocol.sv2.frame import FrameTooLongError
from protocol.units import WorkerName
from protocol.work.share import JudgedShare, Submission, Verdict
from proxy.jobs.members import Members
from proxy.jobs.ports import biggest_first
from proxy.shares.counted import CountedBatch

NOBODY = Members()
cdef tuple VERDICTS = tuple(Verdict)
cdef tuple VERDICT_TEXTS = tuple(verdict.value for verdict in Verdict)
cdef bytes HEX = b"0123456789abcdef"


def choose_sha256(name=None):
    """Hash with the code called `name`, or the fastest; return its name.

    Raises:
        ValueError: This processor does not run it.
    """
    cdef bytes wanted = b"" if name is None else name.encode()
    cdef const char *chosen
    if name is None:
        chosen = c.sha256_choose(NULL)
    else:
        chosen = c.sha256_choose(wanted)
    if chosen is NULL:
        raise ValueError(f"no {name} here")
    return chosen.decode()


choose_sha256()
w.seal_load()


def read_submit(const uint8_t[::1] line not None):
    """Return the id and the share of a canonical mining.submit, else None."""
    cdef c.submit found
    if not line.shape[0] or not c.submit_read(
        &found, <const char *>&line[0], line.shape[0]
    ):
        return None
    return found.id[: found.id_size], Submission(
        WorkerName(found.worker[: found.worker_size].decode()),
        found.job_id[: found.job_id_size].decode(),
        found.extranonce2[: found.extranonce2_size],
        found.ntime,
        found.nonce,
        found.version_bits if found.has_version_bits else None,
    )


cdef class SeenKeys:
    """The keys of hashes that were submitted for one work: 16 B each, and no more.

    It stands in for a set of bytes where only `in`, `add` and `len` are asked.
    """

    cdef c.seen *keys

    def __cinit__(self):
        self.keys = c.seen_new()
        if self.keys is NULL:
            raise MemoryError

    def __dealloc__(self):
        c.seen_free(self.keys)

    def __len__(self):
        return c.seen_count(self.keys)

    def __contains__(self, const uint8_t[::1] key):
        return key.shape[0] == c.KEY_BYTES and not c.seen_meet(
            self.keys, &key[0], False
        )

    def add(self, const uint8_t[::1] key):
        """Add a key of 16 B.

        Raises:
            ValueError: It has another length.
        """
        if key.shape[0] != c.KEY_BYTES:
            raise ValueError(f"key of {key.shape[0]} B, not {c.KEY_BYTES}")
        if c.seen_meet(self.keys, &key[0], True) < 0:
            raise MemoryError


cdef int put_target(uint8_t *out, target) except -1:
    cdef bytes raw = min(target, MAX_TARGET).to_bytes(32, "little")
    memcpy(out, <const uint8_t *>raw, 32)
    return 0


@cython.no_gc_clear  # its C side needs that of `keys` to the end
cdef class WorkRow:
    """What is judged by alike in all revisions of a work: all that is large in them.

    Raises:
        ValueError: The job is of a size that no pool sends.
    """

    cdef c.job *row
    cdef SeenKeys keys

    def __cinit__(self, job, unsigned lanes):
        cdef c.job_parts parts
        cdef size_t room = job.room
        work = job.work
        cdef bytes coinb1 = job.coinb1, coinb2 = work.coinb2
        cdef bytes branches = b"".join(work.merkle_branch)
        cdef bytes prev_hash = work.prev_hash
        if (
            len(prev_hash) != 32
            or len(branches) != 32 * len(work.merkle_branch)
            or room > c.MAX_EXTRANONCE_BYTES
        ):
            raise ValueError("a job with parts of the wrong size")
        parts.coinb1, parts.coinb1_size = coinb1, len(coinb1)
        parts.coinb2, parts.coinb2_size = coinb2, len(coinb2)
        parts.branches, parts.branch_count = branches, len(work.merkle_branch)
        parts.room = room
        memcpy(parts.prev_hash, <const uint8_t *>prev_hash, 32)
        put_target(parts.target, work.target)
        put_target(parts.block_target, work.block_target)
        parts.version, parts.nbits = work.version, work.nbits
        parts.min_ntime, parts.max_ntime = work.ntime, work.max_ntime
        self.keys = job.seen
        self.row = c.job_new(&parts, self.keys.keys, lanes)
        if self.row is NULL:
            raise ValueError("a job larger than any pool's")

    def __dealloc__(self):
        c.job_free(self.row)


@cython.no_gc_clear  # the C side needs that of `of_work` to the end
cdef class JobRow:
    """A frozen copy of a job, whose `seen` is a `SeenKeys`, for the judge.

    Args:
        job: What is copied.
        lanes: Threads that judge by it.
        last: Another one; if it is a revision of the same work, they share what is
            large.

    Raises:
        ValueError: The job is of a size that no pool sends.
    """

    cdef WorkRow of_work
    cdef readonly object job
    cdef str name_text
    cdef bytes name

    def __cinit__(self, job, unsigned lanes=1, JobRow last=None):
        self.name_text, self.name, self.job = job.id, job.id.encode(), job
        if (
            last is not None
            and last.job.work is job.work
            and last.job.coinb1 is job.coinb1
            and last.job.seen is job.seen
        ):
            self.of_work = last.of_work
        else:
            self.of_work = WorkRow(job, lanes)

    def judge(self, submission, how, site, at):
        """Return `submission` with its verdict: `protocol.work.judge.judge` in C.

        Raises:
            ValueError: The slot or the extranonce2 is longer than any.
        """
        cdef c.submit found
        cdef c.terms rules
        cdef c.judgement got
        cdef bytes slot = how.slot, extranonce2 = submission.extranonce2
        if max(len(slot), len(extranonce2)) > c.MAX_EXTRANONCE_BYTES:
            raise ValueError("slot or extranonce2 of the wrong size")
        bits = submission.version_bits
        found.extranonce2_size = len(extranonce2)
        memcpy(found.extranonce2, <const uint8_t *>extranonce2, len(extranonce2))
        found.ntime, found.nonce = submission.ntime, submission.nonce
        found.version_bits, found.has_version_bits = bits or 0, bits is not None
        rules.slot, rules.slot_size = slot, len(slot)
        rules.version_mask = how.version_mask
        rules.is_stale = how.is_stale
        put_target(rules.target, target_from_difficulty(how.difficulty))
        if not c.job_judge(self.of_work.row, &rules, &found, &got):
            raise MemoryError
        return JudgedShare(
            at=at,
            site=site,
            worker=submission.worker,
            job_id=submission.job_id,
            difficulty=how.difficulty,
            verdict=VERDICTS[got.verdict],
            job=self.job,
            hash=got.hash[:32] if got.is_hashed else b"",
            slot=slot,
            extranonce2=extranonce2,
            ntime=found.ntime,
            nonce=found.nonce,
            version=got.version,
            meets_source=got.meets_source,
            is_block=got.is_block,
        )


@cython.no_gc_clear  # its C side needs those of `rows` to the end
cdef class Jobs:
    """The jobs of one group, copied for the engine (a `JobCopies`)."""

    cdef w.group *group
    cdef dict rows
    cdef JobRow newest
    cdef unsigned lanes

    def __cinit__(self, unsigned lanes=1):
        self.group = w.group_new()
        if self.group is NULL:
            raise MemoryError
        self.rows = {}
        self.lanes = lanes

    def __dealloc__(self):
        w.group_free(self.group)

    def new_seen(self):
        """Return an empty set of duplicate keys."""
        return SeenKeys()

    def post(self, job):
        """Take on the newest job.

        Raises:
            ValueError: It is of a size that no pool sends.
        """
        cdef JobRow row = JobRow(job, self.lanes, self.newest)
        self.rows[job.seq] = self.newest = row
        if not w.group_post(
            self.group,
            row.name,
            len(row.name),
            job.seq,
            row.of_work.row,
            job.work.version_mask,
            job.ceiling,
            <void *>row,
        ):
            raise MemoryError

    def make_stale(self, job, double at):
        """Call its shares stale from `at` on."""
        w.group_make_stale(self.group, job.seq, at)

    def retire(self, job):
        """Forget it: its shares are unknown_job from now on."""
        w.group_retire(self.group, job.seq)
        self.rows.pop(job.seq, None)
        if not self.rows:
            self.newest = None

    @staticmethod
    def deliver(list rounds not None):
        """Write newest jobs where their lines are all that is needed.

        Args:
            rounds: Copies, the line of their newest job, and the members, of each group.

        Returns:
            The members that have to be assigned it one by one, each with the place of
            its group: the biggest hashrates first, those of Python alone last.
        """
        cdef Py_ssize_t count = len(rounds), room = 0, i
        cdef size_t left
        cdef Jobs jobs
        cdef bytes line
        cdef w.notice *notices = <w.notice *>PyMem_Malloc(
            max(count, 1) * sizeof(w.notice)
        )
        cdef w.untold *others = NULL
        try:
            if notices is NULL:
                raise MemoryError
            for i, (jobs, line, _) in enumerate(rounds):
                notices[i].to, notices[i].line = jobs.group, line
                notices[i].size = len(line)
                room += w.group_size(jobs.group)
            others = <w.untold *>PyMem_Malloc(max(room, 1) * sizeof(w.untold))
            if others is NULL:
                raise MemoryError
            left = w.groups_notify(notices, count, others)
            found = [(<Py_ssize_t>others[i].of, miner_of(others[i].to)) for i in range(left)]
        finally:
            PyMem_Free(notices)
            PyMem_Free(others)
        return [one for one in found if one[1] is not None] + strangers(rounds)


cdef list strangers(list rounds):
    """Return the members that the engine does not know, each with its group's place."""
    cdef Jobs jobs
    cdef list theirs = []
    for jobs, line, members in rounds:
        knows_all = w.group_size(jobs.group) >= len(members)
        theirs.append((jobs, line, NOBODY if knows_all else members))
    return [
        one for one in biggest_first(theirs) if not getattr(one[1], "is_native", False)
    ]


@cython.no_gc_clear  # its C side needs those of `engine` and `jobs` to the end
cdef class Row:
    """A miner in the engine: the copies that it is judged by, and its counters.

    It owns a wire, and holds the miner that it is of until the wire is out of all
    queues for good: `wire.h` has the rules.
    """

    cdef w.wire *wire
    cdef object miner
    cdef Engine engine
    cdef list names
    cdef Jobs jobs

    def __cinit__(self):
        self.names = []

    def __dealloc__(self):
        if self.wire is not NULL:
            w.wire_free(self.wire)

    def belongs_to(self, miner):
        """Name the miner that the engine speaks of, and hold it while it may."""
        self.miner = miner

    def settle(self):
        """Return what the miner did since the last call; see `engine.pyi`."""
        cdef w.tally found
        w.wire_settle(self.wire, &found)
        return (
            found.accepted,
            found.work,
            found.work2,
            found.share_at,
            found.heard_at,
            found.bad_since if found.has_bad else None,
            [
                (VERDICT_TEXTS[i], found.rejected[i])
                for i in range(w.VERDICTS)
                if found.rejected[i]
            ],
        )

    def set_session(self, bint is_subscribed, uint32_t mask, uint32_t mask_told):
        """Copy what was agreed on."""
        w.wire_set_session(self.wire, is_subscribed, mask, mask_told)

    def set_granted(self, bint is_granted):
        """Copy whether it is given jobs."""
        w.wire_set_granted(self.wire, is_granted)

    def set_requested(self, double difficulty, uint32_t shares_left):
        """Copy the difficulty it shall have, and when to look at that again.

        Args:
            difficulty: Before the job's ceiling.
            shares_left: Accepted shares until then; 0: never.
        """
        w.wire_set_requested(self.wire, difficulty, shares_left)

    def set_slot(self, bytes slot not None):
        """Copy its extranonce1.

        Raises:
            ValueError: It is longer than any.
        """
        if not w.wire_set_slot(self.wire, slot, len(slot)):
            raise ValueError(f"slot of {len(slot)} B")

    def add_worker(self, str name not None):
        """Copy one more of its workers."""
        cdef bytes text = name.encode()
        self.names.append(name)  # the engine holds no reference of its own
        if not w.wire_add_worker(self.wire, text, len(text), <void *>name):
            raise MemoryError

    def add_terms(self, long long seq, double difficulty):
        """Copy a difficulty and the first job that it goes with."""
        cdef uint8_t target[32]
        put_target(target, target_from_difficulty(difficulty))
        w.wire_add_terms(self.wire, seq, difficulty, target)

    def set_class(self, unsigned hashrate_class):
        """Copy how much it hashes: the biggest are told first."""
        w.wire_set_class(self.wire, hashrate_class)

    def join(self, Jobs jobs):
        """Copy whose jobs it works on; None: nobody's."""
        w.wire_join(self.wire, NULL if jobs is None else jobs.group)
        self.jobs = jobs


cdef object miner_of(w.wire *wire):
    """Return the miner that the engine speaks of, or None: nobody hears this wire."""
    cdef void *owner = w.wire_owner(wire)
    return None if owner is NULL else (<Row>owner).miner


@cython.no_gc_clear  # as for a row
cdef class Wire(Row):
    """A miner's connection in the engine: its way out, and the copies it is judged by.

    The engine holds it until it is lost.

    Raises:
        OSError: The socket cannot be watched; it is closed.
    """

    cdef readonly bint is_open

    def __cinit__(self, Engine engine not None, int fd):
        self.engine = engine
        self.wire = w.wire_new(engine.engine, fd)
        if self.wire is NULL:
            code = errno
            os.close(fd)
            raise OSError(code, os.strerror(code))
        w.wire_set_owner(self.wire, <void *>self)
        engine.wires.add(self)
        self.is_open = True

    @property
    def fell_behind(self):
        """Whether it was closed because its peer does not read."""
        return w.wire_fell_behind(self.wire)

    def write(self, const uint8_t[::1] data not None):
        """Send `data`, or drop the peer if it has stopped reading."""
        if self.is_open and data.shape[0]:
            w.wire_write(self.wire, <const char *>&data[0], data.shape[0])

    def close(self):
        """Write no more."""
        self.is_open = False

    def hold(self):
        """Keep what is written until `release`, which sends it in one piece."""
        w.wire_hold(self.wire)

    def release(self):
        """Send what was kept."""
        w.wire_release(self.wire)

    def hang_up(self):
        """Close the connection at once, unsent bytes and all."""
        self.is_open = False
        w.wire_hang_up(self.wire)

    def part(self):
        """Close the connection once the kernel has sent what it was given."""
        self.is_open = False
        w.wire_part(self.wire)

    def ask(self):
        """Return the next line or frame that the engine does not judge, or None.

        A line comes without its newline; one longer than any may be was cut.

        Raises:
            RemoteError: Frames cannot be read any further.
        """
        cdef const char *line
        cdef size_t size
        if not w.wire_ask(self.wire, &line, &size):
            self.check()
            return None
        return line[:size]

    def wait(self):
        """Be asked again in the next turn."""
        w.wire_wait(self.wire)

    def hand_up_first(self, size_t size):
        """Let `ask` return the first `size` bytes as they come; then say what follows."""
        w.wire_hand_up_first(self.wire, size)

    def unread(self, bytes data not None):
        """Take back the first bytes: they begin lines of Stratum V1."""
        if not w.wire_unread(self.wire, data, len(data)) and w.wire_is_open(self.wire):
            raise MemoryError

    def encrypt(self, tuple incoming not None, tuple outgoing not None):
        """Open and seal the frames that follow, each way by a key and its next nonce.

        From here on `write` takes whole frames and `ask` returns one.

        Raises:
            LocalError: They cannot be taken over.
            RemoteError: The connection is gone.
        """
        cdef bytes key_in = incoming[0], key_out = outgoing[0]
        if len(key_in) != 32 or len(key_out) != 32:
            raise LocalError("keys are of 32 B")
        if not w.wire_encrypt(
            self.wire, key_in, incoming[1], key_out, outgoing[1]
        ):
            if not w.wire_is_open(self.wire):
                raise RemoteError("gone during the handshake")
            raise LocalError("no library to encrypt with, or no memory")

    def tap(self):
        """Record what is said and heard from here on; return whether it is.

        It is not if it is recorded already, or gone.
        """
        return w.wire_tap(self.wire)

    def tapped(self, size_t most):
        """Return what was recorded since, the oldest first, and forget it.

        Args:
            most: Bytes after which no more is returned for now.

        Returns:
            Of each piece: Unix seconds, whether it is ours, pieces of the same way that
            were missed before it, and the bytes. Frames are in the clear.
        """
        cdef w.tapped head
        cdef const char *data
        cdef size_t size = 0
        cdef list found = []
        while size < most and w.wire_next_tapped(self.wire, &head, &data):
            found.append((head.at, head.is_ours, head.missed, data[: head.size]))
            size += head.size
        return found

    def untap(self):
        """Record no more, and forget what was not fetched."""
        w.wire_untap(self.wire)

    cdef check(self):
        """Raise what made the frames end."""
        cdef w.fault why = w.wire_fault(self.wire)
        if why == w.NOT_AUTHENTIC:
            raise DecryptionError("a frame is not authentic")
        if why == w.TOO_LONG:
            size = w.wire_frame_size(self.wire)
            raise FrameTooLongError(f"frame of {size} B is too long")


@cython.no_gc_clear  # as for a row
cdef class Channel(Row):
    """A channel of a connection of Stratum V2: a miner without a socket of its own."""

    cdef Wire carrier

    def __cinit__(self, Wire carrier not None):
        self.carrier = carrier
        self.engine = carrier.engine
        self.wire = w.wire_channel(carrier.wire)
        if self.wire is NULL:
            raise MemoryError
        w.wire_set_owner(self.wire, <void *>self)

    def open(self, uint32_t number, size_t filling_size, bint is_standard):
        """Judge the shares that come for channel `number` from here on.

        Args:
            number: Its id.
            filling_size: Zeros between its slot and what it rolls.
            is_standard: It rolls nothing of the coinbase.

        A connection that is gone by now brings none.
        """
        if not w.wire_open_channel(
            self.wire, self.carrier.wire, number, filling_size, is_standard
        ) and w.wire_is_open(self.carrier.wire):
            raise MemoryError

    def close(self):
        """Judge no more of them, and let go of the miner."""
        w.wire_close_channel(self.wire)
        self.miner = None


cdef class Engine:
    """The sockets of a site's miners, and the judge of what comes in on them.

    Args:
        site: Whose miners.
        lanes: Threads that read and judge in a turn, 1 to 16, this one among them;
            as many as the copies of its jobs are made for.

    Raises:
        OSError: The kernel has no epoll, timer or thread for it.
    """

    cdef w.engine *engine
    cdef str site
    cdef set wires  # that are not lost: as many as the site's limit of connections

    def __cinit__(self, str site not None, unsigned lanes=1):
        self.site = site
        self.wires = set()
        self.engine = w.engine_new(lanes)
        if self.engine is NULL:
            raise OSError(errno, os.strerror(errno))

    def __dealloc__(self):
        w.engine_free(self.engine)

    def fileno(self):
        """Return the descriptor that is readable when a turn is due."""
        return w.engine_fd(self.engine)

    def listen(self, int fd):
        """Accept connections on a listening socket, again if they were crowded out.

        Raises:
            OSError: It cannot be watched.
        """
        if not w.engine_listen(self.engine, fd):
            raise OSError(errno, os.strerror(errno))

    def unlisten(self, int fd):
        """Accept no more on it."""
        w.engine_unlisten(self.engine, fd)

    def run(self, double now, double wall):
        """Read and judge, for 2 ms at the most.

        Args:
            now: Monotonic seconds, as stale times are given.
            wall: Unix seconds.

        Returns:
            Whether there are verdicts: `batch` has them, and `answer` is awaited.
        """
        cdef uint32_t found[w.VERDICTS]
        cdef int i
        # under the GIL: no thread can free what the lanes work on, see `wire.h`
        w.engine_run(self.engine, now, wall)
        w.engine_verdicts(self.engine, found)
        for i in range(w.VERDICTS):
            if found[i]:
                return True
        return False

    def batch(self, double at):
        """Return this turn's verdicts as a `CountedBatch`; once."""
        cdef uint32_t found[w.VERDICTS]
        cdef double work = w.engine_verdicts(self.engine, found)
        cdef size_t count, i
        cdef unsigned lane
        cdef int verdict
        cdef const w.record *record
        cdef w.worker *by
        cdef list cells = [], sums = [], wanted = []
        cdef object when = at
        for lane in range(w.engine_lanes(self.engine)):
            record = w.engine_records(self.engine, lane, &count)
            for i in range(count):
                add_row(cells, &record[i], when, self.site)
                if record[i].got.is_block or record[i].got.meets_source:
                    wanted.append(share_of(&record[i], when, self.site))
        by = w.engine_next_sums(self.engine)
        while by is not NULL:
            sums.append((<str>by.name, by.accepted, by.unlisted, by.work))
            by.accepted = by.unlisted = 0
            by.work = 0
            by = w.engine_next_sums(self.engine)
        rejected = {}
        for verdict in range(1, w.VERDICTS):
            if found[verdict]:
                rejected[VERDICT_TEXTS[verdict]] = found[verdict]
        return CountedBatch(
            when, self.site, cells, sums, wanted, found[0], work, rejected
        )

    def answer(self):
        """Send this turn's answers: its verdicts are durable."""
        w.engine_answer(self.engine)

    def arrivals(self):
        """Return the new connections: their descriptor, their listener's, the peer."""
        cdef size_t count, i
        cdef const w.arrival *found = w.engine_arrivals(self.engine, &count)
        return [
            (found[i].fd, found[i].listener, (<bytes>found[i].peer).decode())
            for i in range(count)
        ]

    @property
    def can_encrypt(self):
        """There is a library to open and seal frames with."""
        return w.engine_can_encrypt(self.engine)

    @property
    def is_crowded(self):
        """No descriptor was left in this turn: a listener rests until `listen`."""
        return w.engine_is_crowded(self.engine)

    def due(self):
        """Return the miners whose window of shares is full."""
        cdef w.wire *wire
        cdef list found = []
        while (wire := w.engine_next_due(self.engine)) is not NULL:
            found.append(miner_of(wire))
        return [miner for miner in found if miner is not None]

    def next_asking(self):
        """Return the next miner that has lines to be fetched with `Wire.ask`."""
        cdef w.wire *wire
        while (wire := w.engine_next_asking(self.engine)) is not NULL:
            miner = miner_of(wire)
            if miner is not None:
                return miner
        return None

    def lost(self):
        """Return the miners whose connections are gone, and let go of them."""
        cdef w.wire *wire
        cdef Wire row
        cdef list found = []
        while (wire := w.engine_next_lost(self.engine)) is not NULL:
            row = <Wire>w.wire_owner(wire)
            found.append(row.miner)
            row.miner = None
            self.wires.discard(row)
        return [miner for miner in found if miner is not None]

    def touched(self):
        """Return the miners that were heard since the last call."""
        cdef w.wire *wire
        cdef list found = []
        while (wire := w.engine_next_touched(self.engine)) is not NULL:
            found.append(miner_of(wire))
        return [miner for miner in found if miner is not None]

    def hang_up(self):
        """Close all connections at once; `lost` tells of them."""
        for wire in self.wires:
            (<Wire>wire).hang_up()

    def pause(self):
        """Be readable no more until `rest`: what the turn found is waited for."""
        w.engine_pause(self.engine)

    def rest(self):
        """End the turn; return whether there is more to do at once."""
        return bool(w.engine_rest(self.engine))


cdef str hex_of(const uint8_t *digest):
    """Return a hash as the ledger spells it: in display order."""
    cdef char text[64]
    cdef const char *digits = HEX
    cdef int i
    for i in range(32):
        text[2 * i] = digits[digest[31 - i] >> 4]
        text[2 * i + 1] = digits[digest[31 - i] & 15]
    return PyUnicode_DecodeASCII(text, 64, NULL)


cdef str job_id_of(const w.record *r):
    """Return the job's id as the miner spelled it; `?` if it cannot be one."""
    cdef str spelled
    cdef JobRow row
    if r.job is not NULL:
        row = <JobRow>r.job
        if r.job_id_size == len(row.name) and not memcmp(
            <const char *>row.name, r.job_id, r.job_id_size
        ):
            return row.name_text
    spelled = r.job_id[: r.job_id_size].decode()
    return spelled if r.job is not NULL or spelled.isalnum() else "?"


cdef int add_row(list cells, const w.record *r, object at, str site) except -1:
    """Add the ledger's row; see `proxy.shares.rows.ShareRow`."""
    cells.append(at)
    cells.append(site)
    cells.append(<str>r.by.name)
    cells.append(job_id_of(r))
    cells.append(r.difficulty)
    cells.append(<str>VERDICT_TEXTS[r.got.verdict])
    cells.append(hex_of(r.got.hash) if r.got.is_hashed else "")
    return 0


cdef object share_of(const w.record *r, object at, str site):
    """Return a share that its source shall hear of."""
    cdef size_t size
    cdef const uint8_t *slot = w.wire_slot(r.from_, &size)
    return JudgedShare(
        at=at,
        site=site,
        worker=<str>r.by.name,
        job_id=job_id_of(r),
        difficulty=r.difficulty,
        verdict=VERDICTS[r.got.verdict],
        job=(<JobRow>r.job).job,
        hash=r.got.hash[:32],
        slot=slot[:size],
        extranonce2=r.extranonce2[: r.extranonce2_size],
        ntime=r.ntime,
        nonce=r.nonce,
        version=r.got.version,
        meets_source=r.got.meets_source,
        is_block=r.got.is_block,
    )
