"""Rows as they are exported: all of them, once, and those of a tenant alone."""

from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
import pytest

from proxy.config import Config
from proxy.records import tables
from proxy.records.error import RecordsError
from proxy.records.formats import write_rows
from proxy.records.tables import EXPORTS, Wanted
from proxy.records.tenants import Tenants, addresses_in
from tests.unit.records.state import START, a_state

ALL = Wanted(0.0, 1e12)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return a_state(tmp_path)


def tenants_of(config: Config) -> Tenants:
    state = Path(config.proxy.state_dir)
    return Tenants.of(config, addresses_in(state / "controller.sqlite3"))


def rows(config: Config, what: str, wanted: Wanted = ALL) -> list[dict[str, Any]]:
    table = EXPORTS[what]
    chunks = table.rows(Path(config.proxy.state_dir), wanted, tenants_of(config))
    names = list(table.columns)
    return [dict(zip(names, r, strict=True)) for chunk in chunks for r in chunk]


@pytest.mark.parametrize("what", ["shares", "upstream"])
def test_every_row_comes_once_however_it_is_cut(
    config: Config, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(tables, "CHUNK", 7)

    assert [row["id"] for row in rows(config, what)] == list(range(1, 31))


@pytest.mark.parametrize(("what", "count"), [("work", 90), ("energy", 90)])
def test_every_sum_comes_once_however_it_is_cut(
    config: Config, monkeypatch: pytest.MonkeyPatch, what: str, count: int
) -> None:
    monkeypatch.setattr(tables, "CHUNK", 7)

    found = [tuple(row.values())[:3] for row in rows(config, what)]
    assert len(found) == len(set(found)) == count
    assert found == sorted(found)


def test_workers_are_told_to_tenants_by_name_and_by_address(config: Config) -> None:
    found = {row["worker"]: row["tenant"] for row in rows(config, "shares")}

    assert found == {"acme.1": "acme", "own.1": "", "rack.7": "zeta"}


def test_a_tenant_gets_its_own_rows_alone(config: Config) -> None:
    wanted = Wanted(0.0, 1e12, tenant="acme")

    for what in ("shares", "work", "upstream"):
        assert {row["worker"] for row in rows(config, what, wanted)} == {"acme.1"}
    assert {row["tenant"] for row in rows(config, "energy", wanted)} == {"acme"}
    assert sum(row["wh"] for row in rows(config, "energy", wanted)) == 9000.0


def test_a_tenant_that_no_fleet_names_is_refused(config: Config) -> None:
    with pytest.raises(RecordsError, match="no tenant 'acm': the fleets name acme, z"):
        tenants_of(config).require(["acm"])


@pytest.mark.parametrize("what", ["shares", "upstream"])
def test_a_time_is_from_its_first_second_to_before_its_last(
    config: Config, what: str
) -> None:
    found = rows(config, what, Wanted(START + 5, START + 8))

    assert [row["id"] for row in found] == [5, 6, 7]


def test_sums_of_a_time_are_those_that_begin_in_it(config: Config) -> None:
    wanted = Wanted(START + 3600, START + 3 * 3600)

    for what in ("work", "energy"):
        starts = {row["start"] for row in rows(config, what, wanted)}
        assert starts == {START + 3600, START + 7200}


def test_minutes_can_be_had(config: Config) -> None:
    found = rows(config, "work", Wanted(0.0, START + 120, by="minute"))

    assert {row["start"] for row in found} == {START, START + 60}


def test_of_another_site_there_is_nothing(config: Config) -> None:
    assert rows(config, "shares", Wanted(0.0, 1e12, site="hall-b")) == []


def test_without_a_database_it_says_so(config: Config) -> None:
    state = Path(config.proxy.state_dir)
    (state / "controller.sqlite3").unlink()

    with pytest.raises(RecordsError, match="nothing was recorded yet"):
        rows(config, "energy")


@pytest.mark.parametrize("name", ["csv", "jsonl", "parquet"])
def test_what_was_written_reads_back(config: Config, name: str) -> None:
    if name == "parquet":
        pytest.importorskip("pyarrow")
    table, stream = EXPORTS["energy"], BytesIO()
    state = Path(config.proxy.state_dir)
    chunks = table.rows(state, ALL, tenants_of(config))

    summary = write_rows(stream, name, table.columns, chunks)

    found = READERS[name](stream.getvalue())
    assert summary.rows == len(found) == 90
    assert summary.bytes == len(stream.getvalue())
    assert sum(float(row["wh"]) for row in found) == 30 * 1600.0
    assert found[1]["budget_wh"] in {None, ""}, "a tenant has no budget"


def _parquet(data: bytes) -> list[dict[str, Any]]:
    from pyarrow import BufferReader, parquet  # noqa: PLC0415  (an extra)

    found: list[dict[str, Any]] = parquet.read_table(BufferReader(data)).to_pylist()
    return found


def _csv(data: bytes) -> list[dict[str, Any]]:
    names, *lines = [line.split(",") for line in data.decode().splitlines()]
    return [dict(zip(names, line, strict=True)) for line in lines]


READERS: dict[str, Any] = {
    "csv": _csv,
    "jsonl": lambda data: [msgspec.json.decode(line) for line in data.splitlines()],
    "parquet": _parquet,
}
