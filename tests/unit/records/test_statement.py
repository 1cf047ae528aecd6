"""A month for each tenant: its sums, its days, and the page that is printed."""

from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from typing_extensions import override

from protocol.work.hashrate import HASHES_PER_DIFFICULTY
from proxy.config import Config
from proxy.records.error import RecordsError
from proxy.records.month import Month
from proxy.records.page import COLUMNS, csv_text, page
from proxy.records.statement import Statement, Sums, statements
from proxy.records.tenants import Tenants, addresses_in
from tests.unit.records.state import START, a_state

AFTER = START + 40 * 86400.0


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return a_state(tmp_path)


def stated(
    config: Config, now: float = AFTER, tenant: str | None = None, zone: str = "UTC"
) -> list[Statement]:
    state = Path(config.proxy.state_dir)
    tenants = Tenants.of(config, addresses_in(state / "controller.sqlite3"))
    return statements(state, Month.of("2026-01", zone), tenants, now, tenant)


def month(statement: Statement) -> Sums:
    ((site, total),) = statement.sites()
    assert site == "hall-a"
    return total


def test_a_month_is_stated_for_the_site_and_each_tenant(config: Config) -> None:
    found = stated(config)

    assert [one.tenant for one in found] == ["", "acme", "zeta"]
    site, acme, zeta = map(month, found)
    assert (site.accepted, acme.accepted, zeta.accepted) == (900, 300, 300)
    assert (site.wh, acme.wh, zeta.wh) == (30_000.0, 9000.0, 9000.0)
    assert site.machine_wh == 28_500.0
    assert acme.curtailed_wh == 900.0
    assert acme.machine_s_down == pytest.approx(324.0)


def test_every_day_that_has_begun_is_in_it(config: Config) -> None:
    whole, begun = stated(config)[1], stated(config, START + 1.5 * 86400)[1]

    assert len(whole.lines) == 31
    assert whole.lines[-1].sums == Sums(hours=24.0)
    assert [line.sums.hours for line in begun.lines] == [24.0, 12.0]


def test_means_are_over_the_whole_time(config: Config) -> None:
    acme = month(stated(config)[1])

    seconds = 31 * 86400
    assert acme.hashrate_hs == 30_000 * HASHES_PER_DIFFICULTY / seconds
    hashes = 30_000 * HASHES_PER_DIFFICULTY
    assert acme.joules_per_terahash == 9000 * 3600 / hashes * 1e12
    assert acme.seen == pytest.approx(30 / (31 * 24))


def test_days_are_those_of_the_time_zone(config: Config) -> None:
    lines = stated(config, zone="Europe/Oslo")[1].lines

    assert lines[0].sums.accepted == 10 * 23, "an hour of it was still last year's"
    assert lines[1].sums.accepted == 10 * 7


@pytest.mark.parametrize(
    ("name", "zone", "hours"),
    [
        ("2026-03", "Europe/Oslo", 31 * 24 - 1),
        ("2026-10", "Europe/Oslo", 31 * 24 + 1),
        ("2028-02", "UTC", 29 * 24),
        ("2026-12", "America/Chicago", 31 * 24),
    ],
)
def test_a_month_has_its_hours(name: str, zone: str, hours: int) -> None:
    days = Month.of(name, zone).days

    assert days[-1].end_hour - days[0].first_hour == hours
    assert all(a.end_hour == b.first_hour for a, b in pairwise(days))


@pytest.mark.parametrize(
    ("name", "zone", "why"),
    [
        ("2026-13", "UTC", "no month"),
        ("october", "UTC", "no month"),
        ("2026-10", "Europe/Osl", "no time zone"),
        ("2026-10", "../etc/passwd", "no time zone"),
        ("2026-10", "Asia/Kolkata", "full hour"),
    ],
)
def test_what_is_no_month_is_told(name: str, zone: str, why: str) -> None:
    with pytest.raises(RecordsError, match=why):
        Month.of(name, zone)


def test_a_tenant_can_be_stated_alone(config: Config) -> None:
    (acme,) = stated(config, tenant="acme")
    assert acme.tenant == "acme"

    with pytest.raises(RecordsError, match="no tenant"):
        stated(config, tenant="other")


def test_the_csv_has_a_line_for_each_day(config: Config) -> None:
    lines = csv_text(stated(config, START + 86400)).splitlines()

    assert lines[0] == ",".join(COLUMNS)
    first = dict(zip(COLUMNS, lines[2].split(","), strict=True))
    assert (first["tenant"], first["day"]) == ("acme", "2026-01-01")
    assert (first["kwh"], first["curtailed_kwh"]) == ("7.2", "0.72")
    assert len(lines) == 4


def test_the_page_is_whole_and_shows_the_meter_beside_the_machines(
    config: Config,
) -> None:
    text = page(stated(config))

    reader = Tags()
    reader.feed(text)
    assert reader.open == ["meta", "meta"], "all else is closed"
    assert text.count("<section>") == 3
    assert "Site 30.0 kWh, its machines 28.5 kWh; between them 1.5 kWh" in text
    assert "http" not in text


def test_names_are_text_on_the_page(config: Config) -> None:
    (acme,) = stated(config, tenant="acme")
    bad = Statement("<script>", acme.month, acme.lines)

    assert "<script>" not in page([bad])


def test_a_month_without_records_says_so(config: Config) -> None:
    (whole,) = stated(config, now=START - 1.0)

    assert "Nothing was recorded" in page([whole])


class Tags(HTMLParser):
    """Keeps the tags that are open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    @override
    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.open.append(tag)
        del attrs

    @override
    def handle_endtag(self, tag: str) -> None:
        self.open.reverse()
        self.open.remove(tag)
        self.open.reverse()
