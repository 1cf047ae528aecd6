"""A site's signals at one member: what is taken, refused, given, and given again."""

from pathlib import Path
from typing import Any, Self

import msgspec
from attrs import define, evolve, field
from twisted.internet.task import Clock
from typing_extensions import override

from protocol.units import Seconds, UnixTime, Watts
from proxy.cluster.candidate import Candidate
from proxy.cluster.found import Figures, Found
from proxy.cluster.order_table import MAX_OF_SOURCE
from proxy.cluster.orders import SiteOrders
from proxy.cluster.session import DatabaseError
from proxy.cluster.site_signals import SiteSignals, site_signals
from proxy.config.cluster import ClusterSiteConfig
from proxy.power.allotment.election import Leader
from proxy.power.allotment.rows import Row, Times
from proxy.power.control.wall_clock import SteadyClock
from proxy.power.orders.budget import Envelope
from proxy.power.orders.order import Order
from proxy.power.ports import SignalListener

TIMES = Times(Seconds(1.0), Seconds(10.0), Seconds(3.0))
SITE = ClusterSiteConfig(name="plant", budget_w=10e6, fail_safe_w=1e6)
NOON = 1_800_000_000.0
LEASE = Seconds(30.0)


class Signal:
    """A signal that says what the test says."""

    name = "grid"
    lease_s = LEASE

    def __init__(self) -> None:
        self.listener: SignalListener | None = None

    def start(self, listener: SignalListener) -> None:
        self.listener = listener

    async def stop(self) -> None:
        self.listener = None


@define(eq=False)
class Tables:
    """The two tables that signals write, behind a session that answers, or does not."""

    orders: dict[int, Any] = field(factory=dict)
    beat: int = 0
    is_away: bool = False
    writes: int = 0

    async def run(self, work: Any) -> Any:
        if self.is_away:
            raise DatabaseError("no answer in time")
        return await work(self)

    def drop(self) -> None:
        return

    async def execute(self, statement: str, values: Any) -> Any:
        found: list[tuple[Any, ...]] = []
        if "INSERT INTO spoken" in statement:
            self.beat += 1
            found = [(self.beat,)]
        elif "SELECT beat" in statement:
            found = [(self.beat,)]
        elif "SELECT body" in statement:
            found = [(body,) for body in self.orders.values()]
        elif "DELETE" in statement:
            self.orders = {s: o for s, o in self.orders.items() if s not in values[2]}
        return Cursor(self, found)

    def cursor(self) -> "Cursor":
        return Cursor(self, [])


@define(eq=False)
class Cursor:
    tables: Tables
    found: list[tuple[Any, ...]]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return

    async def fetchone(self) -> Any:
        return self.found[0] if self.found else None

    async def fetchall(self) -> Any:
        return self.found

    async def executemany(self, _: str, rows: list[Any]) -> None:
        self.tables.writes += 1
        for _site, _source, seq, body in rows:
            self.tables.orders[seq] = msgspec.json.decode(body)
            self.tables.beat = max(self.tables.beat, seq)


class Looks(Candidate):
    """A candidate that looks when the test says so."""

    @override
    def look_soon(self) -> None:
        return


class Place:
    """A member, its signal, the tables."""

    def __init__(self, folder: Path) -> None:
        self.clock, self.tables, self.signal = Clock(), Tables(), Signal()
        wall = SteadyClock(
            lambda: UnixTime(NOON + self.clock.seconds()), self.clock.seconds
        )
        envelope = Envelope(Watts(SITE.budget_w), Watts(SITE.fail_safe_w))
        session: Any = self.tables
        self.notes: list[tuple[str, str]] = []

        def note(kind: str, cause: str, _: dict[str, Any]) -> None:
            self.notes.append((kind, cause))

        async def no_meter() -> float | None:
            return None

        self.candidate = Looks(
            SITE,
            "hall-a",
            TIMES,
            session,
            SiteOrders("plant", envelope, {}, wall),
            note,
            self.clock,
            no_meter,
        )
        self.signals: SiteSignals = site_signals(
            self.candidate, session, folder / "orders.json", [self.signal], note
        )
        self.signals.start()
        self.look()
        self.pass_by(1.0)

    def look(self) -> None:
        now = Seconds(self.clock.seconds())
        orders, spoken = tuple(self.tables.orders.values()), {"grid": self.tables.beat}
        figures = {"hall-a": Figures(power_w=3e6, signals={"grid": LEASE})}
        rows = {"hall-a": Row(1, 1, 1, 1, 0, 0)}
        found = Found(Leader(1, 1, "a"), rows, figures, {}, orders, spoken)
        self.candidate.found, self.candidate._answered_at = found, now
        self.candidate.orders.read(orders, spoken, now)
        self.candidate.orders.heard_by(found)

    def pass_by(self, seconds: float, *, looks: bool = True) -> None:
        for _ in range(int(seconds)):
            self.clock.advance(1.0)
            if looks:
                self.look()

    @property
    def listener(self) -> SignalListener:
        assert self.signal.listener is not None
        return self.signal.listener

    def order(self, watts: float, seq: int) -> Order:
        at = UnixTime(NOON + self.clock.seconds())
        return Order("plant", Watts(watts), seq, "grid", at, at)


def test_a_signal_starts_once_the_site_was_looked_at(tmp_path: Path) -> None:
    place = Place(tmp_path)

    assert place.signal.listener is place.signals


def test_an_order_is_in_the_table_within_the_call_and_rules(tmp_path: Path) -> None:
    place = Place(tmp_path)
    receipt = place.listener.take([place.order(5e6, 3)])
    place.pass_by(1)

    assert receipt.is_taken
    assert [body["watts"] for body in place.tables.orders.values()] == [5e6]
    assert place.candidate.budget().watts == Watts(5e6)
    assert ("order", "grid orders 5 MW for plant") in place.notes


def test_the_same_order_again_is_taken_and_written_once(tmp_path: Path) -> None:
    place = Place(tmp_path)
    order = place.order(5e6, 3)
    place.listener.take([order])
    place.pass_by(1)
    again = place.listener.take([order])
    place.pass_by(1)

    assert again.is_taken
    assert place.tables.writes == 1


def test_a_number_that_is_used_is_refused_and_said(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.listener.take([place.order(5e6, 3)])
    place.pass_by(1)
    receipt = place.listener.take([place.order(4e6, 3)])

    assert "seq 3 is used" in receipt.reason
    assert place.notes[-1][0] == "refused"


def test_nothing_is_ordered_while_the_database_is_away(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.tables.is_away = True
    place.pass_by(4, looks=False)
    receipt = place.listener.take([place.order(5e6, 3)])

    assert not receipt.is_taken
    assert "does not answer" in receipt.reason


def test_what_was_taken_as_the_database_went_is_given_when_it_is_back(
    tmp_path: Path,
) -> None:
    place = Place(tmp_path)
    place.tables.is_away = True
    assert place.listener.take([place.order(5e6, 3)]).is_taken
    standing = place.listener.standing("grid")
    place.pass_by(4, looks=False)
    place.tables.is_away = False
    place.pass_by(1)

    assert [one.watts for one in standing] == [5e6]
    assert len(place.tables.orders) == 1


def test_what_would_raise_is_not_given_late(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.listener.take([place.order(2e6, 3)])
    place.pass_by(1)
    place.tables.is_away = True
    assert place.listener.take([place.order(5e6, 4)]).is_taken
    place.pass_by(12, looks=False)
    place.tables.is_away = False
    place.pass_by(2)

    assert [body["watts"] for body in place.tables.orders.values()] == [2e6]
    assert place.notes[-1][0] == "refused"


def test_what_a_failover_took_is_given_again(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.pass_by(2)
    before = place.tables.beat
    place.listener.take([place.order(5e6, 3)])
    place.pass_by(3)
    place.tables.orders, place.tables.beat = {}, before
    place.pass_by(4)

    assert [body["watts"] for body in place.tables.orders.values()] == [5e6]


def test_a_renewal_is_a_beat_and_silence_is_the_fail_safe(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.listener.take([place.order(5e6, 3)])
    for _ in range(3):
        place.pass_by(20)
        place.listener.renew("grid")
    place.pass_by(2)
    renewed = place.candidate.budget().watts
    left = place.listener.points("grid").lease_left_s
    place.pass_by(31)

    assert renewed == Watts(5e6)
    assert left is not None
    assert 27 <= left <= 30
    assert place.candidate.budget().watts == Watts(1e6)
    assert place.listener.points("grid").state == "failsafe"


def test_a_beat_that_a_failover_sets_back_is_no_word(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.listener.take([place.order(5e6, 3)])
    place.pass_by(25)
    place.tables.beat -= 1
    place.signals.giver._said.clear()  # its member is gone, too
    place.pass_by(7)

    assert place.candidate.budget().watts == Watts(1e6)


def test_too_many_orders_are_refused(tmp_path: Path) -> None:
    place = Place(tmp_path)
    line = [
        evolve(
            place.order(5e6, n),
            not_before=UnixTime(NOON + 900 * n),
            expires=UnixTime(NOON + 900 * (n + 1)),
        )
        for n in range(1, MAX_OF_SOURCE + 2)
    ]

    assert "more than 500" in place.listener.take(line, instead_of="grid").reason
    assert place.listener.take(line[1:], instead_of="grid").is_taken


def test_points_are_of_the_halls_that_are_heard(tmp_path: Path) -> None:
    place = Place(tmp_path)
    points = place.listener.points("grid")

    assert points.power_w == 3e6
    assert points.budget_w == SITE.fail_safe_w  # it has not been heard yet


def test_a_member_whose_row_is_damaged_is_waited_for_as_before(tmp_path: Path) -> None:
    place = Place(tmp_path)
    found = place.candidate.found
    assert found is not None
    rows: dict[str, Any] = {"hall-a": found.rows["hall-a"]}
    damaged = Found(
        found.leader, rows, {"hall-a": Figures()}, {}, (), {}, {"hall-a": "odd"}
    )
    place.candidate.orders.heard_by(damaged)
    kept = dict(place.candidate.orders.leases)
    gone = Found(found.leader, {}, {}, {}, (), {})
    place.candidate.orders.heard_by(gone)

    assert kept == {"grid": LEASE}
    assert place.candidate.orders.leases == {}
