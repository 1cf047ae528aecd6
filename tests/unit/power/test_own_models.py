"""`[[models]]` of the configuration, from the file to the machines of a site."""

from pathlib import Path

import pytest

from proxy.config import load_config
from proxy.power.link.setup import config_of, setup_of
from proxy.power.machines.describer import Describer
from proxy.power.machines.models import models_with
from proxy.supervisor.service import power_faults

FILE = """
[[pools]]
name = "main"
url = "stratum+tcp://127.0.0.1:1"
user = "u"
[[models]]
name = "Proto Rig"
th_s = 819.0
watts = 12000
{more}
[[sites]]
name = "hall"
listen = ["tcp:3333"]
sources = ["main"]
[sites.power]
budget_w = 100000
fail_safe_w = 1000
[[sites.fleet]]
workers = "*"
model = "{model}"
"""


def written(folder: Path, model: str = "proto rig", more: str = "") -> Path:
    path = folder / "baseload.toml"
    path.write_text(FILE.format(model=model, more=more))
    return path


def test_a_machine_of_the_file_reaches_the_controller(tmp_path: Path) -> None:
    config = config_of(setup_of(load_config(written(tmp_path))))

    (site,) = config.sites
    assert site.power is not None
    models = models_with(config.models)
    kind = Describer.of(site.power, site.fleet, models).kind_of("w", "10.0.0.1")

    assert (kind.name, kind.full_w) == ("Proto Rig", 12000.0)
    assert not list(power_faults(config))


@pytest.mark.parametrize(
    ("model", "more", "said"),
    [
        ("Proto Wig", "", "near it: Proto Rig; describe it in [[models]] - at"),
        ("Proto Rig", "levels = [[900, 11000]]", "Proto Rig: levels do not rise"),
    ],
)
def test_what_cannot_be_is_said_with_its_key(
    tmp_path: Path, model: str, more: str, said: str
) -> None:
    config = load_config(written(tmp_path, model, more))

    (fault, *_) = power_faults(config)

    assert said in fault
    assert " - at `$." in fault
