"""What the doctor says of the machine."""

import resource
from pathlib import Path

import pytest

from proxy.doctor import host


@pytest.fixture
def net(tmp_path: Path) -> Path:
    for path, value in (
        ("core/somaxconn", 4096),
        ("ipv4/tcp_max_syn_backlog", 128),
        ("netfilter/nf_conntrack_count", 90),
        ("netfilter/nf_conntrack_max", 100),
    ):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(f"{value}\n")
    return tmp_path


def test_a_short_queue_and_a_full_table_are_told(net: Path) -> None:
    found = {one.check: one for one in host.kernel(net)}

    assert found["net.core.somaxconn"].level == "ok"
    assert found["net.ipv4.tcp_max_syn_backlog"].remedy.endswith("=4096")
    assert found["connection tracking"].level == "fail"


def test_what_cannot_be_read_is_skipped(tmp_path: Path) -> None:
    assert {one.level for one in host.kernel(tmp_path)} == {"skipped"}


@pytest.mark.parametrize(
    ("most", "machines", "level"),
    [
        (1024, 1000, "fail"),
        (20_000, 1000, "ok"),
        (1024, None, "warn"),
        (resource.RLIM_INFINITY, 10**6, "ok"),
    ],
)
def test_there_are_files_for_every_machine(
    monkeypatch: pytest.MonkeyPatch, most: int, machines: int | None, level: str
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (most, most))

    (one,) = host.open_files(machines)
    assert one.level == level


def test_memory_is_held_against_the_machines(tmp_path: Path) -> None:
    path = tmp_path / "meminfo"
    path.write_text("MemTotal: 900000 kB\nMemAvailable: 300000 kB\n")

    assert [one.level for one in host.memory(1000, path)] == ["ok"]
    assert [one.level for one in host.memory(27_000, path)] == ["warn"]


def test_the_clock_is_looked_at() -> None:
    (one,) = host.clock()

    assert one.level in {"ok", "warn", "skipped"}
