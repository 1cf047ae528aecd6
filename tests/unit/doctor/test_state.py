"""What the doctor says of the state folder, the plant, and of checks that hang."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from proxy.config import Config, FleetConfig, PowerConfig, SiteConfig
from proxy.doctor import plant, state
from proxy.doctor.check import Check, Finding, Round, ok, side_by_side
from tests.unit.records.state import a_state


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return a_state(tmp_path)


def a_site(port: int) -> SiteConfig:
    return SiteConfig(
        name="hall-a",
        listen=("tcp:1",),
        sources=["p"],
        power=PowerConfig(
            budget_w=1.0, fail_safe_w=1.0, meter=f"modbus://127.0.0.1:{port}/1"
        ),
        fleet=(
            FleetConfig(workers="own.*", model="Antminer S21"),
            FleetConfig(addresses="127.0.0.0/8", model="x", control="pyasic"),
        ),
    )


def test_sound_databases_are_whole(config: Config) -> None:
    found = {one.check: one for one in state.databases(config)}

    assert found["ledger"].level == "ok"
    assert found["controller's database"].seen.endswith("whole")


def test_a_damaged_database_is_told(config: Config) -> None:
    ledger = Path(config.proxy.state_dir) / "ledger.sqlite3"
    with ledger.open("r+b") as stream:
        stream.seek(4096)
        stream.write(b"\xff" * 8000)

    ledger_found, _ = state.databases(config)
    assert ledger_found.level == "fail"
    assert "--recover" in ledger_found.remedy


def test_databases_that_are_not_there_yet_are_skipped(config: Config) -> None:
    for path in Path(config.proxy.state_dir).iterdir():
        path.unlink()

    assert {one.level for one in state.databases(config)} == {"skipped"}
    assert state.known_machines(config) == []


def test_a_disk_that_sqlite_cannot_use_is_told(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "filesystem", lambda _: "nfs4")

    found, _ = state.folder(config)
    assert found.level == "fail"
    assert "nfs4" in found.seen


def test_the_nearest_mount_counts(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "dev / ext4 rw 0 0\nhost:/x /srv nfs4 rw 0 0\nd /srv/a\\040b xfs rw 0 0\n"
    )

    assert state.filesystem(Path("/srv/state"), mounts) == "nfs4"
    assert state.filesystem(Path("/srv/a b/state"), mounts) == "xfs"
    assert state.filesystem(Path("/srv2"), mounts) == "ext4"


def test_machines_that_were_seen_are_known(config: Config) -> None:
    assert state.known_machines(config) == [("hall-a", "rack.7", "10.7.0.7")]


def test_a_meter_that_takes_connections_is_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        site = a_site(server.getsockname()[1])
        assert [one.level for one in plant.meter(site)] == ["ok"]

    assert [one.level for one in plant.meter(site)] == ["fail"]


def test_machines_of_a_row_are_asked_and_the_first_row_rules(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def takes(host: str, port: int) -> bool:
        asked.append(host)
        return (host, port) == ("127.0.0.2", 80)

    monkeypatch.setattr(plant, "_takes", takes)
    machines = [
        ("hall-a", "own.1", "127.0.0.1"),
        ("hall-a", "x", "127.0.0.2"),
        ("hall-a", "y", "127.0.0.3"),
        ("hall-b", "y", "127.0.0.4"),
    ]

    one, clocks = plant.devices(a_site(1), machines, lambda: 0.0)

    assert set(asked) == {"127.0.0.2", "127.0.0.3"}
    assert one.level == "warn"
    assert "1 of 2 that were asked answer; not 127.0.0.3" in one.seen
    assert (clocks.check, clocks.level) == (
        "clocks of hall-a, 127.0.0.0/8",
        "skipped",
    )


def test_a_check_that_hangs_or_breaks_holds_up_no_other() -> None:
    hangs = Event()

    def broken() -> list[Finding]:
        raise OSError("no such thing")

    def hanging() -> list[Finding]:
        hangs.wait(60)
        return []

    found = Round(
        [
            Check("slow", hanging, within_s=0.05),
            Check("bad", broken),
            Check("good", lambda: [ok("good", "fine")]),
        ]
    ).findings()

    hangs.set()
    assert [(one.check, one.level) for one in found] == [
        ("slow", "warn"),
        ("bad", "skipped"),
        ("good", "ok"),
    ]


def test_what_was_found_before_a_check_hangs_or_breaks_is_told() -> None:
    hangs = Event()

    def hanging() -> Iterator[Finding]:
        yield ok("machines", "all answer")
        hangs.wait(60)
        yield ok("machines", "too late")

    def broken() -> Iterator[Finding]:
        yield ok("meter", "answers")
        raise ValueError("odd")

    found = Round([Check("slow", hanging, 0.5), Check("bad", broken, 10.0)]).findings()

    hangs.set()
    assert [(one.check, one.level) for one in found] == [
        ("machines", "ok"),
        ("slow", "warn"),
        ("meter", "ok"),
        ("bad", "warn"),
    ]
    assert found[-1].seen == "the look at it failed: ValueError: odd"


def test_no_thread_of_those_asked_side_by_side_is_waited_for() -> None:
    hangs = Event()

    def look(one: str) -> str:
        if one == "hangs":
            hangs.wait(60)
        return one.upper()

    try:
        told = side_by_side(look, ["b", "hangs", "a"], 0.5)
        (left,) = [t for t in threading.enumerate() if "(run)" in t.name]
        assert left.daemon  # the end of the process does not wait for it
    finally:
        hangs.set()

    assert list(told.items()) == [("b", "B"), ("a", "A")]
