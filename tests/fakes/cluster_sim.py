"""A cluster under faults, event by event, with exact account of all that is drawn.

Hosts have clocks of their own (1 % apart); messages are late, lost, or held by a cut;
processes pause, die and come back; the database may be set back by up to 3 s, as by a
failover that lost transactions, or to where a leader was stopped: the election of the
next and all that it granted are lost. What decides is the product's own: `allot`,
`tenure`, `election`. A grant is drawn until it is replaced or lapses, and `down_s`
longer.
"""

import heapq
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

from attrs import define, evolve, field, frozen

from protocol.units import Seconds
from proxy.power.allotment import allot, election, tenure
from proxy.power.allotment.election import Leader
from proxy.power.allotment.rows import Grant, Need, Row, Seen, Term, Times

FLOOR_W = 500
BUDGET_W = 10_000
HOSTS = 5
FAULTS = ("kill", "cut", "cut two", "pause", "set back", "lost leader", "budget")


@frozen
class Rules:
    """The modules that decide; `fenced`: a leader writes by compare-and-set alone."""

    allot: Any = allot
    tenure: Any = tenure
    election: Any = election
    fenced: bool = True


def without(module: ModuleType, rule: str, instead: str) -> ModuleType:
    """Return a copy of `module` in which one line of its source reads otherwise."""
    source = Path(str(module.__file__)).read_text()
    assert source.count(rule) == 1, f"{rule!r} is not once in {module.__name__}"
    made = ModuleType(f"{module.__name__}_mutant")
    made.__file__ = module.__file__
    code = compile(source.replace(rule, instead), str(module.__file__), "exec")
    exec(code, made.__dict__)  # noqa: S102  (our own source)
    return made


NOBODY = Leader(0, 0, "")
TIMES = Times(Seconds(1.0), Seconds(10.0), Seconds(3.0))


@define(eq=False)
class Database:
    """What the tables hold."""

    leader: Leader = NOBODY
    rows: dict[int, Row] = field(factory=dict)
    grants: dict[int, Grant] = field(factory=dict)

    def copy(self) -> "Database":
        return Database(self.leader, dict(self.rows), dict(self.grants))


@define(eq=False)
class Drawn:
    """Watts from `since` until they are replaced, or the grant is over."""

    since: float
    watts: int
    until: float


@define(eq=False)
class Lead:
    """What a leader keeps."""

    term: Term
    beat: int = 0
    seen: dict[int, Seen] = field(factory=dict)
    is_writing: bool = False


@define(eq=False)
class Host:
    """One controller, over all its lives."""

    index: int
    rate: float
    cut_until: float = 0.0
    dead_until: float = 0.0
    paused_until: float = 0.0
    life: int = 0
    need_w: int = 0
    tenure: Any = None
    watch: Any = None
    lead: Lead | None = None
    drawn: list[Drawn] = field(factory=list)
    falling: list[Drawn] = field(factory=list)  # what it knows of that


@define(eq=False)
class World:
    """One run; `highest` is by how much the sum ever exceeded what it may be."""

    seed: int
    rules: Rules = field(factory=Rules)
    times: Times = TIMES
    down_s: float = 0.0
    duration: float = 240.0
    now: float = field(default=0.0, init=False)
    random: Random = field(init=False)
    database: Database = field(factory=Database, init=False)
    hosts: list[Host] = field(init=False)
    leaders: list[tuple[float, int]] = field(factory=list, init=False)
    deaths: list[float] = field(factory=list, init=False)  # of leaders
    _budgets: list[tuple[float, int]] = field(
        factory=lambda: [(0.0, BUDGET_W)], init=False
    )
    _queue: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = field(
        factory=list, init=False
    )
    _count: int = field(default=0, init=False)
    _incarnation: int = field(default=0, init=False)
    _past: list[tuple[float, Database]] = field(factory=list, init=False)

    def __attrs_post_init__(self) -> None:
        self.random = Random(self.seed)  # noqa: S311
        self._budgets = [(0.0, BUDGET_W)]
        spread = self.random.uniform
        self.hosts = [Host(i, 1 + spread(-0.01, 0.01)) for i in range(HOSTS)]
        for host in self.hosts:
            self._boot(host)
        self._at(spread(5, 15), self._fault)
        self._at(0.0, self._snapshot)

    def run(self) -> "World":
        while self._queue and self._queue[0][0] < self.duration:
            self.now, _, call, args = heapq.heappop(self._queue)
            call(*args)
        return self

    # time and messages

    def _at(self, when: float, call: Callable[..., None], *args: Any) -> None:
        self._count += 1
        heapq.heappush(self._queue, (when, self._count, call, args))

    def _clock(self, host: Host) -> Seconds:
        return Seconds(self.now * host.rate + host.index * 1000)

    def _real(self, host: Host, moment: float) -> float:
        return (moment - host.index * 1000) / host.rate

    def _is_there(
        self, host: Host, life: int, call: Callable[..., None], *args: Any
    ) -> bool:
        """Tell whether the process of a life runs; if it is stopped, call later."""
        if host.life != life or self.now < host.dead_until:
            return False
        if self.now < host.paused_until:
            self._at(host.paused_until, call, host, life, *args)
            return False
        return True

    def _delay(self, host: Host) -> float | None:
        prompt = self.random.random() < 0.98
        delay = (
            self.random.expovariate(100.0) if prompt else self.random.uniform(0.0, 15.0)
        )
        if self.now >= host.cut_until:
            return delay
        return None if self.random.random() < 0.5 else delay + host.cut_until - self.now

    def _ask(self, host: Host, call: Callable[..., None], *args: Any) -> None:
        """Send a statement; it dies with its server."""
        delay = self._delay(host)
        if delay is not None:
            asked = self._incarnation
            self._at(self.now + delay, self._arrives, asked, call, host, *args)

    def _arrives(self, asked: int, call: Callable[..., None], *args: Any) -> None:
        if asked == self._incarnation:
            call(*args)

    def _answer(self, host: Host, call: Callable[..., None], *args: Any) -> None:
        delay = self._delay(host)
        if delay is not None:
            self._at(self.now + delay, call, host, *args)

    # a member

    def _boot(self, host: Host) -> None:
        host.life += 1000 + self.random.randrange(1000)
        host.tenure = self.rules.tenure.Tenure(host.life, self.times)
        host.watch = self.rules.election.Watch(self.times)
        host.lead = None
        if not self.down_s:  # what machines draw is what the process holds
            host.falling = []
        elif host.drawn:  # they are there, and their journal: told to go down
            host.drawn[-1].until = min(host.drawn[-1].until, self.now)
        host.need_w = self.random.randrange(1000, 6000)
        for call in (self._poll, self._look):
            self._at(self.now + self.random.random(), call, host, host.life)

    def _poll(self, host: Host, life: int) -> None:
        if not self._is_there(host, life, self._poll):
            return
        now = self._clock(host)
        seq, held = host.tenure.poll(now), host.tenure.held(now)
        host.need_w = max(0, min(9000, host.need_w + self.random.randrange(-800, 801)))
        held_w = FLOOR_W if held is None else held.watts
        row = Row(
            life,
            seq,
            host.tenure.epoch,
            -1 if held is None else held.number,
            max([held_w, *self._still_drawn(host)]),
            FLOOR_W,
            Seconds(self.down_s * 1.05),
            (Need(1, 20, 0, host.need_w),),
        )
        self._ask(host, self._polled, life, row)
        self._at(self.now + self.times.poll / host.rate, self._poll, host, life)

    def _still_drawn(self, host: Host) -> Iterator[int]:
        """Yield watts that were lowered, or lapsed, and are not down."""
        for one in host.falling:
            if one.until <= self.now < one.until + self.down_s:
                yield one.watts

    def _polled(self, host: Host, life: int, row: Row) -> None:
        there = self.database.rows.get(host.index)
        if there is None or (there.life, there.seq) < (row.life, row.seq):
            self.database.rows[host.index] = row
        grant = self.database.grants.get(host.index)
        if grant is not None:
            self._answer(host, self._read, life, grant)

    def _read(self, host: Host, life: int, grant: Grant) -> None:
        if not self._is_there(host, life, self._read, grant):
            return
        now = self._clock(host)
        if host.tenure.take(grant, now):
            held = host.tenure.held(now)
            self._draw(host, held.watts, self._real(host, held.until))

    def _draw(self, host: Host, watts: int, until: float) -> None:
        if host.drawn and host.falling and host.drawn[-1] is host.falling[-1]:
            last = host.drawn[-1]
            if last.watts == watts and self.now <= last.until:
                last.until = until
                return
            last.until = min(last.until, self.now)
        one = Drawn(self.now, watts, until)
        host.drawn.append(one)
        host.falling = [*host.falling[-20:], one]

    # a candidate

    def _look(self, host: Host, life: int) -> None:
        if not self._is_there(host, life, self._look):
            return
        self._ask(host, self._looked, life)
        self._at(self.now + self.times.poll / host.rate, self._look, host, life)

    def _looked(self, host: Host, life: int) -> None:
        self._answer(host, self._think, life, self.database.copy())

    def _think(self, host: Host, life: int, found: Database) -> None:
        if not self._is_there(host, life, self._think, found):
            return
        now, me = self._clock(host), str(host.index)
        lead = host.lead
        if lead is None:
            if host.watch.read(found.leader, now):
                old = found.leader
                host.watch.again()
                epoch = self.rules.election.next_epoch(old, found.rows.values())
                self._ask(host, self._take, life, old, Leader(epoch, 0, me))
            return
        as_known = Leader(lead.term.epoch, lead.beat, me)
        if found.leader != as_known and self.rules.fenced:
            if not (
                lead.is_writing and found.leader == evolve(as_known, beat=lead.beat + 1)
            ):
                self._step_down(host)
            return
        if lead.is_writing:
            return
        rows, grants = found.rows, found.grants
        if self.rules.election.is_outdated(lead.term.epoch, rows.values()):
            self._step_down(host)
            return
        term, seen = self.rules.allot.resumed(lead.term, lead.seen, now)
        lead.term = evolve(term, budget_w=self._budgets[-1][1])
        lead.seen = self.rules.allot.watch(lead.term, rows, grants, seen)
        new = self.rules.allot.allot(lead.term, rows, grants, lead.seen)
        lead.is_writing = True
        self._ask(host, self._write, life, as_known, new)
        # no answer in a second: an unknown outcome is never repeated
        self._at(self.now + 1.0, self._give_up, host, lead, lead.beat)

    def _give_up(self, host: Host, lead: Lead, beat: int) -> None:
        if host.lead is lead and lead.is_writing and lead.beat == beat:
            self._step_down(host)

    def _step_down(self, host: Host) -> None:
        host.lead = None
        host.watch.again()

    def _take(self, host: Host, life: int, old: Leader, new: Leader) -> None:
        if self.database.leader == old:
            self.database.leader = new
            self._answer(host, self._took, life, new)

    def _took(self, host: Host, life: int, new: Leader) -> None:
        if self._is_there(host, life, self._took, new) and host.lead is None:
            now = self._clock(host)
            host.lead = Lead(Term(new.epoch, now, now, BUDGET_W, self.times))
            self.leaders.append((self.now, host.index))

    def _write(
        self, host: Host, life: int, old: Leader, grants: dict[int, Grant]
    ) -> None:
        done = self.database.leader == old or not self.rules.fenced
        if done:
            self.database.leader = evolve(old, beat=old.beat + 1)
            self.database.grants |= grants
        self._answer(host, self._wrote, life, old, done)

    def _wrote(self, host: Host, life: int, old: Leader, done: bool) -> None:  # noqa: FBT001
        lead = host.lead
        if not self._is_there(host, life, self._wrote, old, done) or lead is None:
            return
        if lead.term.epoch != old.epoch or lead.beat != old.beat:
            return
        if done:
            lead.beat, lead.is_writing = lead.beat + 1, False
        else:
            self._step_down(host)

    # faults

    def _snapshot(self) -> None:
        self._past = [*self._past[-40:], (self.now, self.database.copy())]
        self._at(self.now + 0.1, self._snapshot)

    def _fault(self) -> None:
        draw = self.random
        leader = self.leaders[-1][1] if self.leaders else 0
        host = self.hosts[leader if draw.random() < 0.5 else draw.randrange(HOSTS)]
        kind = draw.choice(FAULTS)
        lasts = draw.choice([draw.uniform(0.2, 3), draw.uniform(3, 30)])
        if kind == "kill":
            if host.index == leader:
                self.deaths.append(self.now)
            host.dead_until = self.now + lasts
            host.life += 1
            self._at(host.dead_until, self._boot, host)
        elif kind == "pause":
            host.paused_until = self.now + lasts
        elif kind == "set back":
            self._set_back(draw.uniform(0.0, 3.0))
        elif kind == "lost leader":
            self._stop_and_lose(self.hosts[leader], draw.uniform(2.0, 30.0))
        elif kind == "budget":
            self._budgets.append((self.now, draw.randrange(5000, BUDGET_W + 1)))
        else:
            host.cut_until = self.now + lasts
            if kind == "cut two":
                draw.choice(self.hosts).cut_until = self.now + lasts
        if self.now < self.duration - 30:
            self._at(self.now + draw.uniform(1, 20), self._fault)

    def _stop_and_lose(self, leader: Host, lasts: float) -> None:
        """Stop a leader; a failover takes what was since, and it finds that."""
        leader.paused_until = self.now + lasts
        left = self.database.copy()
        early = self.random.uniform(-1.0, 1.0)  # the failover, before it goes on
        self._at(self.now + lasts - early, self._fail_over_to, left)

    def _fail_over_to(self, database: Database) -> None:
        self._incarnation += 1  # all sessions end
        self.database = database

    def _set_back(self, by: float) -> None:
        before = [old for at, old in self._past if at <= self.now - by]
        if before:
            self._fail_over_to(before[-1].copy())
        for other in self.hosts:  # a failover seldom comes alone
            if self.random.random() < 0.2:
                other.cut_until = self.now + self.random.uniform(1, 15)

    # the account

    def sums(self) -> Iterator[tuple[float, int]]:
        """Yield the watts that all hosts draw, at each moment that they change."""
        marks = sorted(
            mark
            for host in self.hosts
            for one in host.drawn
            if one.until + self.down_s > one.since and one.watts > FLOOR_W
            for mark in (
                (one.since, 1, host.index, one.watts),
                (one.until + self.down_s, -1, host.index, one.watts),
            )
        )
        active: dict[int, list[int]] = {host.index: [] for host in self.hosts}
        for at, sign, index, watts in marks:
            if sign > 0:
                active[index].append(watts)
            else:
                active[index].remove(watts)
            yield at, sum(max(drawn, default=FLOOR_W) for drawn in active.values())

    def excess(self) -> int:
        """Return by how much the sum ever exceeded the largest budget of then.

        A lowered budget binds once what was granted before has lapsed.
        """
        settles = self.times.ttl + 3 * self.times.lease + self.down_s
        return max((w - self._bound(at, settles) for at, w in self.sums()), default=0)

    def _bound(self, at: float, settles: float) -> int:
        begins = [since for since, _ in self._budgets[1:]]
        ends = [*begins, self.duration]
        return max(
            watts
            for (since, watts), end in zip(self._budgets, ends, strict=True)
            if since <= at and end + settles > at
        )

    def use(self) -> float:
        """Return which part of the budget of then was drawn, over the whole run."""
        drawn = last_at = 0.0
        last = HOSTS * FLOOR_W
        for at, watts in self.sums():
            drawn, last_at, last = drawn + last * (at - last_at), at, watts
        ends = [since for since, _ in self._budgets[1:]] + [last_at]
        offered = sum(
            max(0.0, min(end, last_at) - since) * watts
            for (since, watts), end in zip(self._budgets, ends, strict=True)
        )
        return drawn / max(offered, 1.0)
