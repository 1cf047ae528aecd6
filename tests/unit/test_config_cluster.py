"""`[cluster]`, and what makes a site a hall of one."""

from pathlib import Path

import msgspec
import pytest

from proxy.config import load_config
from proxy.config.load import read_config
from proxy.power.link.setup import config_of, setup_of
from proxy.share_process.changes import changes

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
