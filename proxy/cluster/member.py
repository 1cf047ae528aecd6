"""A hall's place in its site: says what it needs, and hands on what it is granted.

To the hall's control this is one more signal with a lease, called `cluster`. It polls:
says how things stand, and reads its grant. A grant holds for `ttl_s` from when the poll
that it answers was sent, whatever the way back took; the order that is made of it has a
lease shorter by two polls, and an answer older than that is none, so the lease is over
before the grant is, and no clock but ours is asked.
"""

from collections.abc import Callable
from typing import Any

from attrs import frozen
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from protocol.units import Seconds, UnixTime, Watts
from proxy.cluster import tables
from proxy.cluster.coordinator import VERSION
from proxy.cluster.found import Figures, Place
from proxy.cluster.orders import Note
from proxy.cluster.session import DatabaseError, Session
from proxy.config.cluster import CLUSTER
from proxy.power.allotment.rows import Grant, Need, Row, Times
from proxy.power.allotment.tenure import Held, Tenure
from proxy.power.orders.order import Order
from proxy.power.ports import SignalListener
from proxy.runtime.periodic import PeriodicService
from proxy.runtime.tasks import Tasks

WORTH = 0.005
"""Of a grant: a rise by less is not handed on, since an order costs a durable write; a
lowering always is."""

SOONEST = Seconds(0.05)
"""Between two polls, however often a grant changes."""

TOLD_EVERY = Seconds(60.0)
"""A database that is away is a line of the log so often."""


@frozen
class HallNow:
    """What a hall says of itself.

    Attributes:
        committed_w: The most that it may draw now.
        need: What it would draw.
        down_s: How long it draws on once nothing is granted to it.
        figures: For people.
    """

    committed_w: int
    need: tuple[Need, ...]
    down_s: Seconds
    figures: Figures


def _unnoted(_: str, __: str, ___: dict[str, Any]) -> None:
    """Note nothing: there is no log."""


class Member:
    """One hall; see `ports.SignalSource`.

    Args:
        hall: Its name as one of `[[sites]]`.
        place: Its row.
        floor_w: What it may draw without a grant.
        times: The cluster's.
        session: For this alone.
        clock: Monotonic.
        wall_clock: For what orders are dated by.

    Attributes:
        look: Returns what the hall says; set before it is started.
        note: Puts an event into the hall's log.
        refusal: Why it takes no part; empty: it does.
    """

    name = CLUSTER
    _log = Logger()

    def __init__(  # noqa: PLR0913, PLR0917
        self,
        hall: str,
        place: Place,
        floor_w: int,
        times: Times,
        session: Session,
        clock: IReactorTime,
        wall_clock: Callable[[], UnixTime],
    ) -> None:
        self.place = place
        self.look: Callable[[], HallNow]
        self.note: Note = _unnoted
        self.refusal = ""
        self.lag_s: Seconds | None = None
        self._hall = hall
        self._floor_w = floor_w
        self._times = times
        self._session = session
        self._clock = clock
        self._wall_clock = wall_clock
        self._polls = PeriodicService(times.poll, self._poll, clock, cancels=True)
        self._tasks = Tasks()
        self._listener: SignalListener | None = None
        self._tenure: Tenure | None = None
        self._given: Order | None = None  # in this life
        self._is_polling = False
        self._is_due = False
        self._polled_at = Seconds(-1e9)
        self._answered_at = Seconds(clock.seconds())
        self._told_at = Seconds(-1e9)

    @property
    def lease_s(self) -> Seconds:
        """See `SignalSource`."""
        return Seconds(self._times.ttl - self._times.stale)

    def start(self, listener: SignalListener) -> None:
        """See `SignalSource`."""
        self._listener = listener
        self._polls.startService()

    async def stop(self) -> None:
        """See `SignalSource`. What is held lapses by itself."""
        self._listener = None
        if self._polls.running:
            await self._polls.stopService()
        await self._tasks.cancel_all()
        self._session.drop()

    def poll_soon(self) -> None:
        """Poll now: the grant has changed."""
        if self._listener is None:
            return
        if self._is_polling:
            self._is_due = True
            return
        self._tasks.start("poll of the cluster", self._poll_again())

    def held(self) -> Held | None:
        """Return the grant that is held now."""
        return None if self._tenure is None else self._tenure.held(self._now())

    @property
    def silent_for(self) -> Seconds:
        """Return for how long the database has not answered."""
        return Seconds(self._now() - self._answered_at)

    async def _poll_again(self) -> None:
        if self._now() - self._polled_at >= SOONEST:
            await self._poll()

    async def _poll(self) -> None:
        if self._is_polling or self._listener is None:
            return
        self._is_polling = True
        try:
            await self._poll_once()
        except DatabaseError as error:
            self._tell(error)
        finally:
            self._is_polling = False
        if self._is_due:
            self._is_due = False
            self.poll_soon()

    async def _poll_once(self) -> None:
        tenure = self._tenure or await self._enlisted()
        if tenure is None:
            return
        now, hall = self._now(), self.look()
        self._polled_at = now
        seq, held = tenure.poll(now), tenure.held(now)
        if held is None:
            self._note_lapse()
        row = self._row(tenure, seq, held, hall)
        grant = await self._session.run(
            lambda c: tables.poll(c, self.place, row, hall.figures)
        )
        self._answered(now)
        if grant is not None and self._listener is not None:
            self._read(tenure, grant, self._listener)

    async def _enlisted(self) -> Tenure | None:
        """Return a new life; None: the instance is another's, and nothing is done."""
        figures = self.look().figures
        name = self.place.member
        life = await self._session.run(
            lambda c: tables.enlist(c, name, figures.instance)
        )
        if life is None:
            self._refuse(
                f"instance {figures.instance} or the name {name!r} is another proxy's:"
                " set [proxy] instance and [cluster] member to its own"
            )
            return None
        self.refusal = ""
        self._tenure = Tenure(life, self._times)
        return self._tenure

    def _row(self, tenure: Tenure, seq: int, held: Held | None, hall: HallNow) -> Row:
        held_w = self._floor_w if held is None else held.watts
        return Row(
            tenure.life,
            seq,
            tenure.epoch,
            -1 if held is None else held.number,
            max(held_w, hall.committed_w, self._floor_w),
            self._floor_w,
            hall.down_s,
            hall.need,
            VERSION,
        )

    def _read(self, tenure: Tenure, grant: Grant, listener: SignalListener) -> None:
        now, before = self._now(), tenure.held(self._now())
        tenure.hear(grant.epoch)
        if not tenure.is_prompt(grant, now) or not tenure.take(grant, now):
            return
        if not self._hand_on(grant, listener):
            tenure.forget()  # it rules nothing: what was said before does
        elif before is None or before.number != grant.number:
            self._is_due = True  # what was lowered is free once it is said

    def _hand_on(self, grant: Grant, listener: SignalListener) -> bool:
        """Have the hall keep to a grant; return whether it does."""
        given = self._given
        if given is not None and given.watts <= grant.watts <= (
            given.watts * (1 + WORTH)
        ):
            listener.renew(CLUSTER)
            return True
        at = self._wall_clock()
        seqs = [order.seq for order in listener.standing(CLUSTER)]
        order = Order(
            site=self._hall,
            watts=Watts(float(grant.watts)),
            seq=max(seqs, default=0) + 1,
            source=CLUSTER,
            not_before=at,
            received_at=at,
            lease_s=self.lease_s,
            revert_w=Watts(float(self._floor_w)),
            reason=f"grant {grant.number} of epoch {grant.epoch} at {self.place.site}",
        )
        receipt = listener.take([order], instead_of=CLUSTER)
        if not receipt.is_taken:
            self._log.error("{hall}: {why}", hall=self._hall, why=receipt.reason)
            self._given = None
            return False
        self._given = order
        what = {"hall": self._hall, "watts": grant.watts, "number": grant.number}
        self.note("grant", f"{grant.watts} W granted at {self.place.site}", what)
        return True

    def _note_lapse(self) -> None:
        """Put into the log, once, that what was granted is over."""
        given, self._given = self._given, None
        if given is not None:
            site, floor_w = self.place.site, self._floor_w
            cause = f"grant of {given.watts:.0f} W lapsed at {site}: {floor_w} W"
            self.note("lapse", cause, {"hall": self._hall, "floor_w": floor_w})

    def _answered(self, asked_at: Seconds) -> None:
        now = self._now()
        away = now - self._answered_at
        self.lag_s, self._answered_at = Seconds(now - asked_at), now
        if away > self._times.ttl:
            text = "{hall}: the cluster's database answers again after {s:.0f} s"
            self._log.info(text, hall=self._hall, s=away)
            self._told_at = Seconds(-1e9)

    def _tell(self, error: DatabaseError) -> None:
        now = self._now()
        if now - self._told_at >= TOLD_EVERY:
            self._told_at = now
            text = "{hall}: the cluster's database: {error}"
            self._log.warn(text, hall=self._hall, error=error)

    def _refuse(self, why: str) -> None:
        if why != self.refusal:
            self._log.error(
                "{hall}: not in the cluster: {why}", hall=self._hall, why=why
            )
        self.refusal = why

    def _now(self) -> Seconds:
        return Seconds(self._clock.seconds())
