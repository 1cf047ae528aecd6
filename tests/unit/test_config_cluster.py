"""`[cluster]`, and what makes a site a hall of one."""

from pathlib import Path

import msgspec
import pytest

from proxy.config import load_config
from proxy.config.load import read_config
from proxy.power.link.setup import config_of, setup_of
from proxy.share_process.changes import changes
from proxy.supervisor.service import power_faults

GOOD = """\
[[pools]]
name = "main"
url = "stratum+tcp://pool.example:3333"
user = "a"
[[sites]]
name = "hall-a"
listen = ["tcp:3333"]
sources = ["main"]
[sites.power]
budget_w = 100_000
fail_safe_w = 20_000
part_of = "plant"
floor_w = 10_000
[cluster]
url = "postgresql://baseload:hush@db/baseload"
[[cluster.sites]]
name = "plant"
budget_w = 200_000
fail_safe_w = 50_000
"""


def written(folder: Path, *changes: tuple[str, str]) -> Path:
    text = GOOD
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    path = folder / "c.toml"
    path.write_text(text)
    return path


def faults(folder: Path, *changes: tuple[str, str]) -> list[str]:
    return [str(fault) for fault in read_config(written(folder, *changes)).faults]


def test_a_hall_alone_may_draw_its_floor(tmp_path: Path) -> None:
    config = load_config(written(tmp_path))
    power = config.sites[0].power

    assert power is not None
    assert power.unheard_w == 10_000
    assert config.cluster is not None
    assert config.cluster.url in config.secrets


def test_the_controller_is_told_of_the_cluster(tmp_path: Path) -> None:
    config = load_config(written(tmp_path))

    assert config_of(setup_of(config)).cluster == config.cluster


def test_another_cluster_is_taken_on_by_a_reload(tmp_path: Path) -> None:
    before = load_config(written(tmp_path))
    after = load_config(written(tmp_path, ("200_000", "150_000")))

    assert [(c.key, c.kind) for c in changes(before, after)] == [
        ("$.cluster", "rebuild")
    ]


def test_the_digest_tells_whether_two_mean_the_same(tmp_path: Path) -> None:
    config = load_config(written(tmp_path))
    assert config.cluster is not None
    site = config.cluster.sites[0]

    assert msgspec.structs.replace(site, budget_w=1.0).digest != site.digest


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('part_of = "plant"', 'part_of = "other"'), "No [[cluster.sites]] is called"),
        (("floor_w = 10_000", ""), "Needed of a hall that is part_of a site"),
        (("floor_w = 10_000", "floor_w = 30_000"), "Expected at most fail_safe_w"),
        (('part_of = "plant"', ""), "Of a hall that is part_of a site alone"),
        (("[cluster]", "[cluster]\nlease_s = 6"), "Expected more than lease_s"),
        (("postgresql://", "mysql://"), "Expected postgresql://user@host/database"),
        (('name = "plant"', 'name = "hall-a"'), "halls have other names"),
        (("fail_safe_w = 50_000", "fail_safe_w = 5_000"), "the fail_safe_w of plant"),
        (
            ("fail_safe_w = 50_000", "fail_safe_w = 500_000"),
            "Expected at most budget_w",
        ),
        (
            (
                "[sites.power]",
                '[sites.power]\nsignals = [{kind="http", name="cluster"}]',
            ),
            "is what a hall's grant comes from",
        ),
    ],
)
def test_what_is_wrong_is_named(
    tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    found = faults(tmp_path, change)

    assert any(said in fault for fault in found)


HTTP = """
[[cluster.sites.signals]]
kind = "http"
listen = "tcp:8099:interface=127.0.0.1"
token = "a-token-of-some-length-0123456789"
lease_s = 30
[[cluster.sites.signals]]
kind = "schedule"
file = "plant.toml"
"""
WHOLE = ("fail_safe_w = 50_000\n", f"fail_safe_w = 50_000\n{HTTP}")


def test_signals_of_a_whole_site_are_as_those_of_a_hall(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, WHOLE))
    assert config.cluster is not None
    (site,) = config.cluster.sites
    http, schedule = site.signals

    assert (http.source, schedule.source) == ("http", "schedule")
    assert schedule.file == tmp_path / "plant.toml"
    assert http.token in config.secrets
    assert site.digest == load_config(written(tmp_path)).cluster.sites[0].digest  # type: ignore[union-attr]
    assert config_of(setup_of(config)).cluster == config.cluster


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('kind = "http"\n', 'kind = "http"\nfile = "a.toml"\n', "[0].file"),
        ("lease_s = 30", "lease_s = 3", "Expected 5 poll_s = 5 or more, got 3"),
        ('kind = "schedule"', 'kind = "price"\nsource = "a.csv"', "is of a hall, in"),
        ('kind = "schedule"', 'kind = "signed"', "is of a hall, in"),
        ('kind = "schedule"', 'kind = "shedule"', "schedule"),
        ("tcp:8099", "tcp:3333", "is listened on at"),
        ('kind = "http"', 'kind = "http"\nname = "schedule"', "two signals are called"),
        ('part_of = "plant"\nfloor_w = 10_000', "", "No [[sites]] here is part_of"),
    ],
)
def test_what_is_wrong_with_a_signal_of_a_site_is_named(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    found = faults(tmp_path, WHOLE, (old, new))

    assert any(said in fault for fault in found), found


def test_a_signal_that_cannot_be_had_stops_the_start(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, WHOLE))

    (fault,) = power_faults(config)
    assert "plant.toml" in fault
    assert fault.endswith("at `$.cluster.sites[0].signals[1]`")
