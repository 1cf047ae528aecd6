from pathlib import Path
from typing import Any

import pytest

from proxy.config import Config, ConfigError, load_config

GOOD = """
[[pools]]
name = "main"
url = "stratum+tcp://127.0.0.1:3333"
user = "account"
[[sites]]
name = "hall-a"
listen = ["tcp:3333"]
sources = ["main"]
"""


def load(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "c.toml"
    path.write_text(text)
    return load_config(path)


def test_the_defaults_are_those_of_the_contract(tmp_path: Path) -> None:
    config = load(tmp_path, GOOD)

    site = config.sites[0]
    assert (site.difficulty.start, site.difficulty.minimum) == (65536, 1024)
    assert site.extranonce.layout == "auto"
    assert site.limits.connections_per_address == 0
    assert config.proxy.ledger.durability == "process"
    assert config.proxy.ledger.max_bytes == 20_000_000_000


def test_relative_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    config = load(tmp_path, GOOD)

    assert config.proxy.state_dir == str(tmp_path / "state")
    assert config.proxy.admin == f"unix:{tmp_path / 'state/admin.sock'}"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (GOOD.replace("main", "other", 1), "$.sites[0].sources"),
        (GOOD + "[sites.difficulty]\nstart = 0\n", "$.sites[0].difficulty.start"),
        (GOOD + "[sites.difficulty]\nstart = 5\n", "$.sites[0].difficulty.start"),
        (GOOD + "[sites.limits]\nbans = 1\n", "$.sites[0].limits"),
        (GOOD + '[sites.extranonce]\nlayout = "5+5"\n', "extranonce.layout"),
        (GOOD + "[sites.power]\nbudget_w = 1\n", "$.sites.power"),
        (GOOD + "nonsense = 1\n", "nonsense"),
        ("sites = 1", "$.sites"),
        ("= =", "c.toml"),
        ("[proxy]\nengine = 'native'\n" + GOOD, "$.proxy.engine"),
        ("[proxy]\nadmin = 'tcp:1'\n" + GOOD, "$.proxy.admin"),
    ],
)
def test_a_wrong_key_or_value_is_named(text: str, named: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        load(tmp_path, text)

    assert named in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: No such file"):
        load_config(tmp_path / "none.toml")


def test_a_secret_may_stand_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pw").write_text("from-file\n")
    monkeypatch.setenv("POOL_PASSWORD", "from-env")

    def password(spelled: str) -> Any:
        text = GOOD.replace("user =", f"password = {spelled}\nuser =")
        return load(tmp_path, text).pools[0].password

    assert password('{ file = "pw" }') == "from-file"
    assert password('{ env = "POOL_PASSWORD" }') == "from-env"
    with pytest.raises(ConfigError, match="NOT_SET"):
        password('{ env = "NOT_SET" }')


@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parents[2] / "configs").glob("*.toml")), ids=str
)
def test_an_example_can_be_loaded(path: Path) -> None:
    assert load_config(path).sites
