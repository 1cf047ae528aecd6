"""What an older release left is taken up: sums, blocks, orders, keys."""

from pathlib import Path

import pytest

from protocol.units import Seconds, UnixTime
from proxy.config import load_config
from proxy.downstream.sv2_keys import load_authority
from proxy.power.journal.store import open_store
from proxy.shares.database import open_database
from proxy.shares.ledger import SqliteLedger
from tests.older_state import (
    CONFIGS,
    EXPECTED,
    VECTORS,
    copy_state,
    ledger_expected,
    ledger_holds,
)

WRITTEN_AT = UnixTime(1_795_976_378.0)


def take_up(path: Path) -> None:
    database = open_database(path, durability="process")
    SqliteLedger(database, Seconds(86400.0), 1 << 40, lambda: WRITTEN_AT, print).close()


def test_an_older_ledger_keeps_its_sums(tmp_path: Path) -> None:
    path = copy_state(tmp_path) / "ledger.sqlite3"

    take_up(path)

    assert ledger_holds(path) == ledger_expected()


def test_what_a_kill_kept_from_the_sums_is_added_once(tmp_path: Path) -> None:
    path = copy_state(tmp_path) / "ledger.sqlite3"

    take_up(path)
    take_up(path)

    assert ledger_holds(path) == ledger_expected()


def test_an_older_controller_keeps_its_orders_and_its_log(tmp_path: Path) -> None:
    store = open_store(copy_state(tmp_path) / "controller.sqlite3")

    kept = store.kept("hall-a", WRITTEN_AT)
    events = store.history(None, 1000, None)
    broken = store.first_broken()
    store.close()

    (order,), (machine,) = kept.orders, kept.machines
    found = [order.site, order.source, order.seq, order.watts, order.reason]
    assert found == EXPECTED["order"]
    assert ["hall-a", machine.key, machine.is_running] == EXPECTED["machine"]
    assert (len(events), broken) == (EXPECTED["events"], None)


def test_an_older_key_is_the_key(tmp_path: Path) -> None:
    secret = load_authority(copy_state(tmp_path) / "authority.key")

    assert secret is not None
    assert secret.key.text == EXPECTED["authority_key"]


@pytest.mark.parametrize("name", CONFIGS)
def test_an_older_configuration_is_taken_as_it_is(name: str) -> None:
    assert load_config(VECTORS / "configs" / name).sites
