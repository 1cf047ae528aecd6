"""Settings from the environment: where they lead, what they beat, what they are."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from proxy.config import Config, load_config, load_proxy
from proxy.config.load import read_config

FILE = """
[[pools]]
name = "main"
url = "stratum+tcp://pool.example:3333"
user = "a"
[[pools]]
name = "spare.1"
url = "stratum+tcp://spare.example:3333"
user = "a"
[[nodes]]
name = "core"
rpc = "http://127.0.0.1:18443"
cookie_file = "c"
[[sites]]
name = "hall-a"
listen = ["tcp:3333"]
sources = ["main"]
"""


def load(folder: Path, environment: Mapping[str, str]) -> Config:
    path = folder / "c.toml"
    path.write_text(FILE)
    return load_config(path, environment)


def faults(folder: Path, environment: Mapping[str, str], file: str = FILE) -> list[str]:
    path = folder / "c.toml"
    path.write_text(file)
    return [f"{f.place}: {f}" for f in read_config(path, environment).faults]


def test_a_variable_beats_the_file(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        {
            "BASELOAD__POOLS__MAIN__URL": "stratum+tcp://other.example:1",
            "BASELOAD__POOLS__SPARE_1__USER": "b",
            "BASELOAD__SITES__HALL_A__LISTEN": '["tcp:1", "tcp:2"]',
            "BASELOAD__SITES__HALL_A__DIFFICULTY__START": "2048",
            "BASELOAD__SITES__HALL_A__POWER__BUDGET_W": "1_000.5",
            "BASELOAD__SITES__HALL_A__POWER__FAIL_SAFE_W": "1e2",
            "BASELOAD__PROXY__LOG_LEVEL": "debug",
            "BASELOAD__PROXY__LEDGER__DURABILITY": "power",
        },
    )
    site = config.sites[0]

    assert config.pools[0].url == "stratum+tcp://other.example:1"
    assert config.pools[1].user == "b"
    assert site.listen == ("tcp:1", "tcp:2")
    assert site.difficulty.start == 2048.0
    assert site.power is not None
    assert (site.power.budget_w, site.power.fail_safe_w) == (1000.5, 100.0)
    assert config.proxy.log_level == "debug"
    assert config.proxy.ledger.durability == "power"


def test_a_list_may_be_set_whole_and_then_row_by_row(tmp_path: Path) -> None:
    rows = '[{ name = "main", url = "stratum+tcp://a.example:1", user = "x" }]'
    config = load(
        tmp_path,
        {"BASELOAD__POOLS__MAIN__USER": "y", "BASELOAD__POOLS": rows},
    )

    assert [(p.url, p.user) for p in config.pools] == [
        ("stratum+tcp://a.example:1", "y")
    ]


@pytest.mark.parametrize(
    ("text", "password"),
    [
        ("hunter2", "hunter2"),
        ("12345", "12345"),
        ('"12345"', "12345"),
        ("a = 1", "a = 1"),
    ],
)
def test_a_text_stays_a_text(tmp_path: Path, text: str, password: str) -> None:
    config = load(tmp_path, {"BASELOAD__POOLS__MAIN__PASSWORD": text})

    assert config.secrets[0] == password


def test_a_secret_may_be_a_file_here_too(tmp_path: Path) -> None:
    (tmp_path / "word").write_text("from-file")
    config = load(tmp_path, {"BASELOAD__POOLS__MAIN__PASSWORD": '{ file = "word" }'})

    assert config.secrets[0] == "from-file"


def test_a_line_cannot_smuggle_a_second_setting_in(tmp_path: Path) -> None:
    config = load(tmp_path, {"BASELOAD__POOLS__MAIN__USER": '"a"\nname = "b"'})

    assert config.pools[0].user == '"a"\nname = "b"'
    assert config.pools[0].name == "main"


def test_one_underscore_is_no_setting(tmp_path: Path) -> None:
    load(tmp_path, {"BASELOAD_ADMIN": "x", "BASELOAD_REQUIRE_NATIVE": "1", "HOME": "/"})


def test_a_fault_of_a_variable_names_it(tmp_path: Path) -> None:
    (said,) = faults(tmp_path, {"BASELOAD__PROXY__ENGINE": "natvie"})

    assert said.startswith("the environment, BASELOAD__PROXY__ENGINE: Expected one of")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (
            "BASELOAD__PROXI__NAME",
            "nothing in $ is called PROXI: did you mean 'PROXY'?",
        ),
        ("BASELOAD__PROXY__NAM", "did you mean 'NAME'?"),
        ("BASELOAD__POOLS__MIAN__URL", "did you mean 'MAIN'? There are MAIN, SPARE_1"),
        ("BASELOAD__POOLS__0__URL", "nothing in $.pools is called 0: There are MAIN"),
        ("BASELOAD__SITES__HALL_A__ROUTES__X__SOURCES", "has a name: set it whole"),
        ("BASELOAD__PROXY__NAME__X", "$.proxy.name is no table"),
        ("BASELOAD__pools__main__url", "nothing in $ is called pools"),
        ("BASELOAD__", "nothing in $ is called"),
    ],
)
def test_a_variable_that_leads_nowhere_is_a_fault(
    tmp_path: Path, name: str, says: str
) -> None:
    (said,) = faults(tmp_path, {name: "x"})

    assert said.startswith(f"the environment: {name}: ")
    assert says in said


def test_two_rows_that_become_alike_are_refused(tmp_path: Path) -> None:
    file = FILE.replace("spare.1", "MAIN")
    (said,) = faults(tmp_path, {"BASELOAD__POOLS__MAIN__URL": "x"}, file)

    assert "two names in $.pools are alike in upper case" in said


def test_the_admin_socket_is_found_where_the_environment_puts_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "c.toml"
    path.write_text(FILE.replace("password", "passwort"))
    proxy = load_proxy(path, {"BASELOAD__PROXY__ADMIN": "unix:here.sock"})

    assert proxy.admin == f"unix:{tmp_path}/here.sock"


def test_who_looks_for_the_admin_socket_needs_no_secret(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    web = 'web = { listen = "tcp:8080", token = { file = "away" } }'
    path.write_text(f"[proxy]\n{web}\n{FILE}")

    assert load_proxy(path, {}).web is not None


def test_a_meter_that_was_a_text_becomes_a_table(tmp_path: Path) -> None:
    site = "BASELOAD__SITES__HALL_A__POWER"
    config = load(
        tmp_path,
        {
            f"{site}__BUDGET_W": "1000",
            f"{site}__FAIL_SAFE_W": "0",
            f"{site}__METER": "model",
            f"{site}__METER__URL": "modbus://10.0.0.9/1",
            f"{site}__METER__MAKE": "Eastron SDM630",
        },
    )

    assert config.sites[0].power is not None
    assert config.sites[0].power.has_meter
