"""The controller's database: how much it keeps, and what it says when it cannot."""

import sqlite3
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from attrs import evolve

from protocol.tlog.tile import Edge
from protocol.units import UnixTime, Watts
from proxy.power.journal import schema
from proxy.power.journal.chain import Event
from proxy.power.journal.effects import Effects, Learned
from proxy.power.journal.event_log import TRIM
from proxy.power.journal.published import Published
from proxy.power.journal.store import Store, StoreError, open_store
from proxy.power.machines.rows import MachineRow
from proxy.power.orders.order import Order

AT = UnixTime(1_700_000_000.0)
ORDER = Order("hall-a", Watts(5.0), 1, "grid", AT, AT, revert_w=Watts(2.0))
BROKEN = "the controller's database: .*"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "c.sqlite3"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    opened = open_store(path)
    yield opened
    opened.close()


def write(store: Store, count: int, site: str = "hall-a") -> list[int]:
    events = [Event(AT, site, "command", "a cause", {"n": n}) for n in range(count)]
    return [row.id for row in store.write(site, Effects(events=events), (), AT)]


def ids(store: Store, site: str | None = None, before: int | None = None) -> list[int]:
    return [row.id for row in store.history(site, 10_000, before)]


def test_what_goes_beyond_the_limit_goes_with_the_next_write(store: Store) -> None:
    store.max_events = 3
    assert write(store, 5) == [1, 2, 3, 4, 5]
    assert ids(store) == [5, 4, 3, 2, 1]

    write(store, 1)
    assert ids(store) == [6, 5, 4, 3]
    write(store, 1)
    assert ids(store) == [7, 6, 5, 4]
    assert store.first_broken() is None


def test_a_log_at_its_limit_loses_nothing(store: Store) -> None:
    store.max_events = 3
    write(store, 3)

    write(store, 1)

    assert ids(store) == [4, 3, 2, 1]


def test_one_write_deletes_only_so_many(store: Store) -> None:
    store.max_events = 3
    write(store, 2 * TRIM)

    write(store, 1)
    assert min(ids(store)) == TRIM + 1
    write(store, 1)
    assert min(ids(store)) == 2 * TRIM + 1 - 2
    assert store.first_broken() is None


def test_a_restart_goes_on_where_a_shortened_log_ended(
    path: Path, store: Store
) -> None:
    store.max_events = 3
    write(store, 5)
    write(store, 1)

    again = open_store(path)
    again.max_events = 3
    write(again, 1)

    assert ids(again) == [7, 6, 5, 4]
    assert again.first_broken() is None
    again.close()


def test_a_log_without_its_next_edge_is_not_shortened(path: Path, store: Store) -> None:
    store.max_events = 3
    write(store, 5)
    other = sqlite3.connect(path)
    other.execute("DELETE FROM event WHERE id = 2")
    other.commit()
    other.close()

    write(store, 1)

    assert ids(store) == [6, 5, 4, 3, 1]
    assert store.first_broken() == 3


def test_history_is_what_was_written_the_newest_first(store: Store) -> None:
    events = [Event(UnixTime(AT + n), "hall-a", "k", "c", {"n": n}) for n in range(3)]
    written = store.write("hall-a", Effects(events=events), (), AT)
    write(store, 1, "hall-b")

    assert store.history("hall-a", 9, None) == written[::-1]
    assert ids(store, None) == [4, 3, 2, 1], "of every site"
    assert ids(store, "hall-b") == [4]
    assert ids(store, None, before=3) == [2, 1]
    assert [row.id for row in store.history(None, 2, None)] == [4, 3]


def test_orders_stay_until_orders_are_written_and_are_of_one_site(store: Store) -> None:
    orders = Effects(has_orders=True)
    other = evolve(ORDER, site="hall-b")
    store.write("hall-a", orders, (ORDER,), AT)
    store.write("hall-b", orders, (other,), AT)
    store.write("hall-a", Effects(), (), AT)
    assert store.kept("hall-a", AT).orders == (ORDER,)

    store.write("hall-a", orders, (), AT)

    assert store.kept("hall-a", AT).orders == ()
    assert store.kept("hall-b", AT).orders == (other,)


def test_an_order_of_an_earlier_release_is_understood(store: Store, path: Path) -> None:
    store.write("hall-a", Effects(has_orders=True), (ORDER,), AT)
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("UPDATE site_order SET body = json_remove(body, '$.id', '$.told')")
    db.close()

    assert store.kept("hall-a", AT).orders == (ORDER,)


def test_an_order_keeps_what_tells_it_from_others(store: Store) -> None:
    told = evolve(ORDER, id="dispatch-1", told="c0ffee")
    store.write("hall-a", Effects(has_orders=True), (told,), AT)

    assert store.kept("hall-a", AT).orders == (told,)


def test_a_source_spoke_when_its_last_order_came(store: Store) -> None:
    orders = (
        evolve(ORDER, received_at=UnixTime(AT + 10)),
        evolve(ORDER, seq=2, received_at=UnixTime(AT + 30)),
        evolve(ORDER, source="plant", received_at=UnixTime(AT + 20)),
    )

    store.write("hall-a", Effects(has_orders=True), orders, AT)

    kept = store.kept("hall-a", UnixTime(AT + 60))
    assert kept.silent_for == {"grid": 30.0, "plant": 40.0}
    assert store.kept("hall-b", AT).silent_for == {}


def test_orders_of_others_undo_no_renewal(store: Store) -> None:
    both = (ORDER, evolve(ORDER, source="operator", received_at=UnixTime(AT + 899)))
    store.write("hall-a", Effects(has_orders=True), both[:1], AT)
    store.spoke("hall-a", "grid", UnixTime(AT + 898))

    store.write("hall-a", Effects(has_orders=True), both, UnixTime(AT + 899))

    silent_for = store.kept("hall-a", UnixTime(AT + 900)).silent_for
    assert silent_for == {"grid": 2.0, "operator": 1.0}


def test_the_limit_that_a_machine_was_found_with_is_kept(store: Store) -> None:
    row = MachineRow("k", "10.0.0.1", "w", True, Watts(2353.0))
    store.write("hall-a", Effects(machines=[row]), (), AT)

    (saved,) = store.kept("hall-a", AT).machines

    assert saved.found_w == 2353.0


def test_a_clock_set_back_makes_no_change_lie_ahead(store: Store) -> None:
    row = MachineRow("k", "10.0.0.1", "w", True)
    store.write("hall-a", Effects(machines=[row]), (), AT)

    (saved,) = store.kept("hall-a", UnixTime(AT - 5)).machines

    assert saved.changed_s == 0.0


def test_what_was_learned_last_counts_and_nothing_is_known_at_first(
    store: Store,
) -> None:
    assert store.kept("hall-a", AT).learned is None

    for bias in (1.1, 1.2):
        store.remember("hall-a", Learned(bias, 1.0), [])

    assert store.kept("hall-a", AT).learned == Learned(1.2, 1.0)
    assert store.kept("hall-b", AT).learned is None


def test_an_order_survives_a_power_cut(store: Store) -> None:
    store.publish(Published("plant.example/log/1", 0, 0, b"", Edge()))
    (journal,) = store._db.execute("PRAGMA journal_mode").fetchone()
    (synchronous,) = store._db.execute("PRAGMA synchronous").fetchone()

    assert (journal, synchronous) == ("wal", 2), "FULL"


def test_a_database_that_fails_is_told_as_such(store: Store) -> None:
    store.close()

    with pytest.raises(StoreError, match=BROKEN):
        write(store, 1)
    with pytest.raises(StoreError, match=BROKEN):
        store.spoke("hall-a", "grid", AT)
    with pytest.raises(StoreError, match=BROKEN):
        store.remember("hall-a", Learned(1.0, 1.0), [])


def test_a_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("this is no database, and long enough to be seen as none" * 9)

    for path, why in ((tmp_path, "cannot be opened"), (text, "is damaged")):
        with pytest.raises(StoreError, match=f"^{path} {why}: "):
            open_store(path)


def test_a_schema_beyond_the_newest_is_refused_and_the_newest_is_opened(
    path: Path, store: Store
) -> None:
    newest = sum(f.name.endswith(".sql") for f in files(schema).iterdir())
    (version,) = store._db.execute("PRAGMA user_version").fetchone()
    assert version == newest
    open_store(path).close()
    store._db.execute(f"PRAGMA user_version = {newest + 1}")

    known = f"schema {newest + 1}, this release knows up to {newest}: "
    with pytest.raises(StoreError, match=known):
        open_store(path)


@pytest.mark.parametrize("suffix", ["", "-wal"])
def test_nothing_is_written_to_a_file_that_is_not_there(
    suffix: str, path: Path, store: Store
) -> None:
    write(store, 1)
    removed = path.with_name(path.name + suffix)
    aside = path.with_name("aside")
    removed.rename(aside)

    gone = f"the controller's database: {removed} is gone"
    with pytest.raises(StoreError, match=gone):
        write(store, 1)
    with pytest.raises(StoreError, match=gone):
        store.spoke("hall-a", "grid", AT)
    with pytest.raises(StoreError, match=gone):
        store.remember("hall-a", Learned(1.0, 1.0), [])
    with pytest.raises(StoreError, match=gone):
        store.first_broken()
    aside.rename(removed)

    assert write(store, 1) == [2]


def test_the_newest_moment_is_that_of_whatever_was_written_last(store: Store) -> None:
    assert store.newest_at() == 0.0
    write(store, 2)
    assert store.newest_at() == AT
    store.spoke("hall-a", "grid", UnixTime(AT + 7.0))
    assert store.newest_at() == AT + 7.0
    row = MachineRow("m", "10.0.0.1", "w", is_running=True)
    store.write("hall-a", Effects(machines=[row]), (), UnixTime(AT + 9.0))
    assert store.newest_at() == AT + 9.0
    given = evolve(ORDER, received_at=UnixTime(AT + 11.0))
    effects = Effects(has_orders=True)
    store.write("hall-a", effects, (given,), UnixTime(AT + 9.0))
    store.spoke("hall-a", "grid", AT)  # by a clock that is behind
    assert store.newest_at() == AT + 11.0


def test_in_doubt_of_the_time_sources_are_silent_and_machines_just_told(
    store: Store,
) -> None:
    store.spoke("hall-a", "grid", AT)
    row = MachineRow("m", "10.0.0.1", "w", is_running=False)
    store.write("hall-a", Effects(machines=[row]), (), AT)

    kept = store.kept("hall-a", UnixTime(AT + 5.0), UnixTime(AT + 900.0))

    assert kept.silent_for == {"grid": 900.0}
    assert kept.machines[0].changed_s == 5.0
