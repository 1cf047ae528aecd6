"""The log of the controller: any edit shows, and a restart finds what was written."""

import json
import sqlite3
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from protocol.tlog.tile import MAX_LEAF_BYTES
from protocol.units import UnixTime, Watts
from proxy.power.journal import schema
from proxy.power.journal.chain import (
    FIRST_HASH,
    MAX_CAUSE,
    Event,
    first_broken,
    leaf_of,
    rows_after,
)
from proxy.power.journal.effects import Effects, Learned
from proxy.power.journal.event_log import TRIM
from proxy.power.journal.store import Store, StoreError, open_store
from proxy.power.machines.machine import Saved
from proxy.power.machines.rows import Debt, MachineRow
from proxy.power.orders.order import Order
from tests.oversight_vectors import vectors

AT = UnixTime(1_700_000_000.0)


def an_event(number: int) -> Event:
    return Event(AT + number, "hall-a", "command", "a cause", {"n": number})


def an_order(**changes: object) -> Order:
    order = Order("hall-a", Watts(5.0), 1, "grid", AT, AT, revert_w=Watts(2.0))
    return evolve(order, **changes)  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "c.sqlite3")
    yield opened
    opened.close()


def write(store: Store, *numbers: int) -> None:
    effects = Effects(events=[an_event(n) for n in numbers])
    store.write("hall-a", effects, (), AT)


def edit(tmp_path: Path, sql: str) -> None:
    db = sqlite3.connect(tmp_path / "c.sqlite3")
    db.execute(sql)
    db.commit()
    db.close()


@given(st.integers(0, 9), st.sampled_from(["at", "site", "kind", "cause", "text"]))
def test_a_changed_column_of_any_row_is_found(row: int, column: str) -> None:
    rows = rows_after(0, FIRST_HASH, [an_event(n) for n in range(10)])
    changed: Any = {
        "at": rows[row].at + 1e-6,
        "site": "hall-b",
        "kind": "order",
        "cause": "another",
        "text": b'{"n":99}',
    }[column]

    rows[row] = evolve(rows[row], **{column: changed})

    assert first_broken(rows, 0, FIRST_HASH) == row + 1


def test_a_row_taken_out_or_put_in_is_found() -> None:
    rows = rows_after(0, FIRST_HASH, [an_event(n) for n in range(5)])

    assert first_broken(rows, 0, FIRST_HASH) is None
    assert first_broken(rows[:2] + rows[3:], 0, FIRST_HASH) == 4
    assert first_broken([rows[0], rows[0], *rows[1:]], 0, FIRST_HASH) == 1
    assert first_broken(rows[1:], 0, FIRST_HASH) == 2


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("UPDATE event SET body = '{\"n\":7}' WHERE id = 3", 3),
        ("UPDATE event SET at = at + 1 WHERE id = 2", 2),
        ("DELETE FROM event WHERE id = 4", 5),
        ("UPDATE event SET hash = (SELECT hash FROM event WHERE id = 1)", 2),
    ],
)
def test_any_edit_of_the_file_is_detected(
    tmp_path: Path, store: Store, sql: str, found: int
) -> None:
    write(store, *range(6))
    assert store.first_broken() is None

    edit(tmp_path, sql)

    assert store.first_broken() == found


def test_the_chain_goes_on_over_a_restart(tmp_path: Path, store: Store) -> None:
    write(store, 1, 2)
    again = open_store(tmp_path / "c.sqlite3")
    write(again, 3)

    assert [r.id for r in again.history(None, 10, None)] == [3, 2, 1]
    assert again.first_broken() is None
    again.close()


def test_the_oldest_events_go_and_the_rest_can_still_be_checked(
    tmp_path: Path, store: Store
) -> None:
    store.max_events = 50
    for first in range(0, 4 * TRIM, TRIM):
        write(store, *range(first, first + TRIM))
    write(store, 1)

    kept = store.history(None, 10 * TRIM, None)
    assert 50 <= len(kept) <= TRIM + 51
    assert store.first_broken() is None
    edit(
        tmp_path, "UPDATE event SET cause = 'x' WHERE id = (SELECT min(id) FROM event)"
    )
    assert store.first_broken() == kept[-1].id


def test_history_is_of_one_site_in_pages(store: Store) -> None:
    write(store, 1, 2, 3)
    other = Effects(events=[Event(AT, "hall-b", "budget", "why", {})])
    store.write("hall-b", other, (), AT)

    assert [r.id for r in store.history("hall-a", 2, None)] == [3, 2]
    assert [r.id for r in store.history("hall-a", 2, 2)] == [1]


def test_orders_machines_and_what_was_learned_survive(
    tmp_path: Path, store: Store
) -> None:
    effects = Effects(has_orders=True)
    effects.machines = [
        MachineRow("10.0.0.1", "10.0.0.1", "a", True),
        MachineRow("10.0.0.2", "10.0.0.2", "b", False),
    ]
    store.write("hall-a", effects, (an_order(), an_order(seq=2, expires=AT)), AT)
    store.spoke("hall-a", "grid", UnixTime(AT + 5))
    owed = [Debt("10.0.0.2", 4.5, 1.5), Debt("gone", 9.0, 9.0)]
    store.remember("hall-a", Learned(1.1, 1.05), owed)
    store.close()

    again = open_store(tmp_path / "c.sqlite3")
    kept = again.kept("hall-a", UnixTime(AT + 60))

    assert kept.orders == (an_order(), an_order(seq=2, expires=AT))
    assert kept.silent_for == {"grid": 55.0}
    assert list(kept.machines) == [
        Saved("10.0.0.1", "10.0.0.1", "a", True, 60.0, 0.0, 0.0),
        Saved("10.0.0.2", "10.0.0.2", "b", False, 60.0, 4.5, 1.5),
    ]
    assert kept.learned == Learned(1.1, 1.05)
    assert again.kept("hall-b", AT).orders == ()
    again.close()


def test_a_command_leaves_what_a_machine_is_owed_as_it_was(store: Store) -> None:
    row = MachineRow("10.0.0.1", "10.0.0.1", "a", False)
    store.write("hall-a", Effects(machines=[row]), (), AT)
    store.remember("hall-a", Learned(1.0, 1.0), [Debt("10.0.0.1", 4.5, 1.5)])

    again = MachineRow("10.0.0.1", "10.0.0.1", "b", True)
    store.write("hall-a", Effects(machines=[again]), (), UnixTime(AT + 5))

    (kept,) = store.kept("hall-a", UnixTime(AT + 5)).machines
    assert kept == Saved("10.0.0.1", "10.0.0.1", "b", True, 0.0, 4.5, 1.5)


def test_a_file_of_the_first_release_is_upgraded(tmp_path: Path) -> None:
    path = tmp_path / "old.sqlite3"
    db = sqlite3.connect(path)
    db.executescript(files(schema).joinpath("0001.sql").read_text("utf-8"))
    db.execute("INSERT INTO machine VALUES ('hall-a', 'k', 'k', 'w', 0, ?)", (AT,))
    db.execute("PRAGMA user_version = 1")
    db.commit()
    db.close()

    store = open_store(path)

    saved = Saved("k", "k", "w", False, 0.0, found_w=0.0)  # its nameplate, as before
    assert store.kept("hall-a", AT).machines == (saved,)
    store.close()


def test_a_forgotten_machine_is_gone_from_the_file(store: Store) -> None:
    row = MachineRow("10.0.0.1", "10.0.0.1", "a", True)
    store.write("hall-a", Effects(machines=[row]), (), AT)

    store.write("hall-a", Effects(forgotten=["10.0.0.1"]), (), AT)

    assert store.kept("hall-a", AT).machines == ()


def test_a_file_of_a_newer_release_is_refused(tmp_path: Path, store: Store) -> None:
    edit(tmp_path, "PRAGMA user_version = 99")

    with pytest.raises(StoreError, match="schema 99"):
        open_store(tmp_path / "c.sqlite3")


def test_what_cannot_be_written_leaves_the_chain_as_it_was(
    tmp_path: Path, store: Store
) -> None:
    write(store, 1)
    edit(tmp_path, "ALTER TABLE machine RENAME TO away")
    effects = Effects(events=[an_event(2)])
    effects.machines = [MachineRow("k", "a", "w", True)]
    with pytest.raises(StoreError):
        store.write("hall-a", effects, (), AT)
    edit(tmp_path, "ALTER TABLE away RENAME TO machine")

    write(store, 3)

    assert [r.id for r in store.history(None, 9, None)] == [2, 1]
    assert store.first_broken() is None


def test_a_leaf_is_what_is_hashed_as_recorded() -> None:
    leaves = vectors("tree")["leaves"]
    before = FIRST_HASH

    for number, (leaf, digest) in enumerate(
        zip(leaves, vectors("chain")["hashes_hex"], strict=True), 1
    ):
        head, body = leaf.split("\n")
        _, at, site, kind, cause = json.loads(head)
        event = Event(at, site, kind, cause, json.loads(body))
        (row,) = rows_after(number - 1, before, [event])

        assert leaf_of(row) == leaf.encode()
        assert row.hash.hex() == digest
        before = row.hash


def test_minutes_for_verifiers_are_not_among_the_events_of_people(
    store: Store,
) -> None:
    kinds = ["order", "meter", "shares", "budget"]
    events = [Event(AT, "hall-a", kind, "", {}) for kind in kinds]
    store.write("hall-a", Effects(events=events), (), AT)

    found = store.history("hall-a", 10, None)

    assert [(row.id, row.kind) for row in found] == [(4, "budget"), (1, "order")]
    assert store.first_broken() is None


def test_a_whole_second_has_the_leaf_that_is_read_back(store: Store) -> None:
    effects = Effects(events=[Event(1_796_000_000, "hall", "mark", "", {})])

    (row,) = store.write("hall", effects, (), AT)

    assert store.history(None, 1, None)[0] == row
    assert store.first_broken() is None


def test_a_leaf_fits_into_a_bundle_whatever_it_says() -> None:
    event = Event(1.0, "hall", "refused", "x" * 70_000, {"why": "y" * 70_000})

    (row,) = rows_after(0, FIRST_HASH, [event])

    assert len(leaf_of(row)) <= MAX_LEAF_BYTES
    assert row.cause == "x" * MAX_CAUSE
