"""A machine is who it says it is, wherever it is, and so is its owner's limit."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from protocol.units import UnixTime, Watts
from proxy.power.actuation.actuate import Actuations
from proxy.power.actuation.admission import Admission
from proxy.power.actuation.polls import Polls
from proxy.power.journal import machine_rows
from proxy.power.journal.alarms import Alarms
from proxy.power.journal.effects import Effects
from proxy.power.journal.store import open_store
from proxy.power.machines.kinds import Mode
from proxy.power.machines.known import NAMELESS, KnownMachines, is_local
from proxy.power.machines.machine import Machine, Saved
from proxy.power.machines.rows import FoundLimit, MachineRow
from proxy.power.machines.table import Table
from proxy.power.ports import DeviceReport
from tests.unit.power.tables import NOW, ToldOutbox, a_table, join, later

A, B = "00:1e:c0:10:00:0a", "00:1e:c0:10:00:0b"
INVENTED, INVENTED_ANEW = "02:5e:10:00:00:01", "02:5e:10:00:00:02"
HERE, THERE = "10.0.0.1", "10.0.0.2"
NAMEPLATE = Watts(3068.0)
OURS = Watts(2360.0)  # the second level of an S19j Pro, as firmware rounds it
OWNERS = Watts(2500.0)  # no level


class Site:
    """A table, and the questions to its devices."""

    def __init__(self) -> None:
        self.table = a_table()
        self.outbox = ToldOutbox()
        self.polls = Polls(
            self.table,
            Actuations(self.table, self.outbox, Admission(self.table, self.outbox)),
            self.outbox,
            Alarms(self.outbox.log),
            lambda _: (),
        )
        self.miner = 0

    def join(self, address: str) -> Machine:
        self.miner += 1
        worker = f"lux.{self.miner}"
        machine = join(self.table, self.miner, worker, address, is_parked=False)
        self.table.adopt(NOW)
        return machine

    def leave(self, machine: Machine, at: float = 0.0) -> None:
        for miner in list(machine.miners):
            self.table.leave(miner, later(at))

    def says(
        self,
        address: str,
        limit_w: Watts = NAMEPLATE,
        identity: str | None = None,
        at: float = 0.0,
    ) -> None:
        report = DeviceReport(
            is_asleep=False, limit_w=limit_w, power_w=limit_w, identity=identity
        )
        self.polls.reported(address, report, later(at))

    def is_silent(self, address: str, at: float = 0.0) -> None:
        self.polls.reported(address, None, later(at))

    def asked(self, at: float) -> set[str]:
        calls = self.polls.tick(later(at), is_metered=None)
        return {call.address for call in calls}

    def forget(self, machine: Machine) -> None:
        self.table.forget([machine])
        self.polls.drop(machine, "forgotten", NOW)


@pytest.fixture
def site() -> Site:
    return Site()


def test_a_machine_that_moved_is_one_and_keeps_what_it_was_found_with(
    site: Site,
) -> None:
    before = site.join(HERE)
    site.says(HERE, OWNERS, A)
    site.table.fleet.debt_h[before.row] = 3.0
    site.leave(before)
    now = site.join(THERE)
    site.asked(1)

    site.says(THERE, OURS, A, at=2)
    assert site.asked(3) == {HERE}, "whether it answers there too"
    assert [now.found_w, now.mode] == [None, Mode.SWITCHED], (
        "its limit is left as it is until that is known"
    )
    site.is_silent(HERE, at=6)

    assert site.asked(7) == {THERE}
    assert site.table.machines == [now]
    assert site.outbox.effects.forgotten == [HERE]
    assert site.table.fleet.debt_h[now.row] == 3.0
    site.says(THERE, OURS, at=8)
    assert [now.identity, now.found_w, now.top_w] == [A, OWNERS, OWNERS]
    assert site.table.saved_row(now).identity == A


def a_moved_hall(site: Site, count: int) -> list[Machine]:
    """Let all of a hall come back at other addresses, and the old ones be silent."""
    before = [site.join(f"10.0.0.{n}") for n in range(count)]
    for n, machine in enumerate(before):
        site.says(machine.address, OWNERS, f"02:00:00:00:00:{n:02x}")
        site.leave(machine)
    now = [site.join(f"10.0.1.{n}") for n in range(count)]
    for n, machine in enumerate(now):
        site.says(machine.address, OURS, f"02:00:00:00:00:{n:02x}", at=2)
    for machine in before:
        site.is_silent(machine.address, at=6)
    return now


def test_a_hall_that_moved_is_forgotten_at_its_old_addresses_in_one_go(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgotten: list[int] = []
    forget = Table.forget

    def counted(table: Table, machines: Sequence[Machine]) -> None:
        forgotten.append(len(machines))
        forget(table, machines)

    monkeypatch.setattr(Table, "forget", counted)
    now = a_moved_hall(site, 40)
    site.asked(7)

    assert site.table.machines == now
    assert forgotten == [40], "each time all rows behind it move up"


def test_what_connects_where_one_moved_away_from_is_kept(site: Site) -> None:
    before = site.join(HERE)
    site.says(HERE, OWNERS, A)
    site.leave(before)
    now = site.join(THERE)
    site.says(THERE, OURS, A, at=2)
    site.is_silent(HERE, at=6)
    assert site.join(HERE) is before
    site.asked(7)

    assert site.table.machines == [before, now]
    assert now.identity == A


def test_one_that_is_still_connected_at_the_old_address_has_not_moved(
    site: Site,
) -> None:
    before, now = site.join(HERE), site.join(THERE)
    site.says(HERE, OWNERS, A)
    site.says(THERE, OURS, A, at=2)
    site.is_silent(HERE, at=6)
    assert site.table.machines == [before, now]

    site.leave(before, at=900)  # it was half-open
    site.is_silent(HERE, at=901)
    site.asked(902)
    assert site.table.machines == [now]
    assert now.identity == A


def connections(site: Site, count: int) -> list[Machine]:
    """Have so many come from one address before its device API has answered."""
    found = [
        join(site.table, 900 + number, "lux.1", HERE, is_parked=False)
        for number in range(count)
    ]
    site.table.adopt(NOW)
    return found


@pytest.mark.parametrize("count", [2, 3])
def test_connections_before_the_api_answered_are_of_the_one_machine_that_it_speaks_for(
    site: Site, count: int
) -> None:
    machine, *others = connections(site, count)
    assert len({machine.key, *(m.key for m in others)}) == count
    site.outbox.effects.grant.clear()
    site.says(HERE, at=1)

    assert machine.miners == {900 + number: False for number in range(count)}
    assert sorted(site.outbox.effects.grant) == sorted(machine.miners)
    site.asked(2)
    assert site.table.machines == [machine]
    assert site.outbox.effects.forgotten == [m.key for m in others]
    assert site.table.of_miner(900 + count - 1) is machine
    site.table.leave(901, later(3))
    assert machine.miners.keys() == {900, *range(902, 900 + count)}


def test_a_machine_that_was_told_to_stop_has_its_other_connection_parked(
    site: Site,
) -> None:
    machine, _ = connections(site, 2)
    site.outbox.effects.grant.clear()
    site.table.command_one(machine, 0, NOW)
    site.says(HERE, at=1)

    assert {*site.outbox.effects.park} == {900, 901}
    assert not site.outbox.effects.grant


def test_a_hall_of_one_worker_behind_one_address_is_no_single_machine(
    site: Site,
) -> None:
    machines = connections(site, 4)
    site.says(HERE, at=1)
    site.asked(2)

    assert site.table.machines == machines
    assert [len(machine.miners) for machine in machines] == [1, 1, 1, 1]


def test_another_worker_at_the_address_is_a_machine_of_its_own(site: Site) -> None:
    (machine,) = connections(site, 1)
    other = join(site.table, 950, "lux.2", HERE, is_parked=False)
    site.table.adopt(NOW)
    site.says(HERE, at=1)
    site.asked(2)

    assert site.table.machines == [machine, other]


def test_an_identity_that_two_machines_say_tells_nothing(site: Site) -> None:
    machines = [site.join(HERE), site.join(THERE)]
    site.says(HERE, OWNERS, A)
    site.says(THERE, OURS, A, at=1)
    site.says(HERE, OWNERS, A, at=2)

    assert [m.identity for m in machines] == [None, None]
    site.leave(machines[0])
    site.says(THERE, OURS, A, at=130)
    site.is_silent(HERE, at=131)
    assert site.table.machines == machines
    third = site.join("10.0.0.3")
    site.says("10.0.0.3", OURS, A, at=140)
    assert third.identity is None


def test_two_that_dhcp_has_swapped_take_their_limits_along(site: Site) -> None:
    one, two = site.join(HERE), site.join(THERE)
    site.says(HERE, OWNERS, A)
    site.says(THERE, NAMEPLATE, B)
    assert (one.top_w, two.top_w) == (OWNERS, None)

    site.says(HERE, OURS, B, at=60)
    site.says(THERE, OURS, A, at=61)
    for at in (62, 63):
        site.says(HERE, OURS, at=at)
        site.says(THERE, OURS, at=at)

    assert (one.identity, two.identity) == (B, A)
    assert (one.top_w, two.top_w) == (None, OWNERS)
    assert site.table.fleet.full_w[two.row] == OWNERS


@given(st.lists(st.permutations(range(4)), max_size=5))
def test_however_dhcp_deals_out_addresses_each_machine_keeps_its_top(
    deals: list[list[int]],
) -> None:
    site, addresses = Site(), [f"10.0.0.{n}" for n in range(1, 5)]
    tops = [None, OWNERS, Watts(2701.0), Watts(3835.0)]  # one of them is a level
    macs = [A[:-1] + str(n) for n in range(4)]
    for address, mac, top in zip(addresses, macs, tops, strict=True):
        site.join(address)
        site.says(address, top or NAMEPLATE, mac)

    for at, dealt in enumerate(deals, 1):
        for _ in range(2):
            for address, box in zip(addresses, dealt, strict=True):
                site.says(address, OURS, macs[box], at=60.0 * at)
        machines = [site.table.find(address) for address in addresses]
        assert [m.identity for m in machines if m] == [macs[box] for box in dealt]
        assert [m.top_w for m in machines if m] == [tops[box] for box in dealt]


def test_another_machine_at_the_address_has_limits_of_its_own(site: Site) -> None:
    machine = site.join(HERE)
    site.says(HERE, OWNERS, A)

    site.says(HERE, NAMEPLATE, B, at=60)

    assert (machine.identity, machine.top_w) == (B, None)
    assert site.table.known.limit_of(A) == OWNERS


def test_a_board_that_invents_its_identity_at_each_start_stays_the_same(
    site: Site,
) -> None:
    machine = site.join(HERE)
    site.says(HERE, OWNERS, INVENTED)

    site.says(HERE, OURS, INVENTED_ANEW, at=60)

    assert is_local(INVENTED)
    assert not is_local(A)
    assert machine.top_w == OWNERS


@pytest.mark.parametrize("found", [OWNERS, NAMEPLATE])
def test_a_limit_of_ours_is_not_its_owners_when_it_was_forgotten(
    site: Site, found: Watts
) -> None:
    machine = site.join(HERE)
    site.says(HERE, found, A)
    site.leave(machine)
    site.forget(machine)

    again = site.join(THERE)
    site.says(THERE, OURS, A)

    assert again.found_w == found
    assert again.top_w == (OWNERS if found == OWNERS else None)


def test_an_identity_that_is_said_late_corrects_what_was_taken_for_its_owners(
    site: Site,
) -> None:
    site.table.known.note_limit(A, NAMEPLATE)
    machine = site.join(HERE)
    site.says(HERE, OURS)
    assert machine.top_w == OURS

    site.says(HERE, OURS, A, at=60)

    assert [machine.found_w, machine.top_w] == [NAMEPLATE, None]
    assert site.table.known.limit_of(A) == NAMEPLATE


def test_an_owner_may_set_another_limit_while_it_is_forgotten(site: Site) -> None:
    machine = site.join(HERE)
    site.says(HERE, NAMEPLATE, A)
    site.leave(machine)
    site.forget(machine)

    again = site.join(HERE)
    site.says(HERE, OWNERS, A)

    assert again.top_w == OWNERS
    assert site.table.known.limit_of(A) == OWNERS


def test_a_new_machine_whose_owners_limit_is_a_level_keeps_it(site: Site) -> None:
    for address, identity in ((HERE, A), (THERE, None)):
        machine = site.join(address)
        site.says(address, OURS, identity)
        assert machine.top_w == OURS, identity


@pytest.mark.parametrize("is_forgotten", [False, True])
def test_while_one_is_gone_that_said_no_identity_a_level_is_nobodys(
    site: Site, *, is_forgotten: bool
) -> None:
    gone = site.join(HERE)
    site.says(HERE)
    site.leave(gone)
    if is_forgotten:
        site.forget(gone)
        assert FoundLimit(NAMELESS, Watts(0.0)) in site.outbox.effects.found

    ours, owners = site.join(THERE), site.join("10.0.0.3")
    site.says(THERE, OURS, B, at=5)
    site.says("10.0.0.3", OWNERS, at=5)

    assert (ours.found_w, ours.top_w) == (None, None)
    assert owners.top_w == OWNERS
    site.says(THERE, NAMEPLATE, at=60)
    assert ours.found_w == NAMEPLATE


def test_a_restart_knows_who_is_who(tmp_path: Path) -> None:
    at = UnixTime(1_700_000_000.0)
    store = open_store(tmp_path / "c.sqlite3")
    row = MachineRow(HERE, HERE, "lux.1", True, OWNERS, A)
    found = [FoundLimit(A, OWNERS), FoundLimit(B, NAMEPLATE), FoundLimit(B, OWNERS)]
    store.write("hall-a", Effects(machines=[row], found=found), (), at)
    store.write("hall-a", Effects(machines=[evolve(row, is_running=False)]), (), at)
    kept = store.kept("hall-a", at)
    store.close()

    table = a_table()
    table.known.restore(kept.limits)
    table.restore(kept.machines, NOW)

    saved = Saved(HERE, HERE, "lux.1", False, 0.0, found_w=OWNERS, identity=A)
    assert kept.machines == (saved,)
    assert table.known.holder_of(A) == HERE
    assert table.known.limit_of(B) == OWNERS
    assert not table.known.has_lost_any


def test_limits_are_kept_though_the_machine_and_the_disk_were_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unwritten = Effects(found=[FoundLimit(A, OWNERS)])
    assert unwritten.is_to_be_written
    both = Effects(found=[FoundLimit(B, OWNERS)]).after(unwritten)
    store = open_store(tmp_path / "c.sqlite3")
    for number, one in enumerate(both.found):
        store.write("hall-a", Effects(found=[one]), (), UnixTime(number))
    assert store.kept("hall-a", UnixTime(9.0)).limits == {A: OWNERS, B: OWNERS}

    monkeypatch.setattr(machine_rows, "MAX_LIMITS", 1)
    assert store.kept("hall-a", UnixTime(9.0)).limits == {B: OWNERS}
    monkeypatch.undo()
    assert store.kept("hall-a", UnixTime(9.0)).limits == {B: OWNERS}
    store.close()


def test_what_is_known_has_its_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proxy.power.machines.known.MAX_LIMITS", 1)
    known = KnownMachines()
    for identity in (A, B):
        known.note_limit(identity, OWNERS)

    assert known.limit_of(A) is None
    assert known.limit_of(B) == OWNERS
