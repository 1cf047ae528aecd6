"""`check-config` names all that is wrong in one go: keys, what fits together, files."""

import socket
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.cli.check import found_in
from proxy.cli.main import main
from proxy.config import ConfigError
from proxy.config.fault import Fault
from proxy.config.load import read_config

PLANTED = """\
[proxy]
admin = "tcp:4000"             # no socket in a file
admin_group = "nobody-is-called-so"
log_levle = "info"
log_file = "nowhere/of/this/name/log"
web = "tcp:{taken}:interface=127.0.0.1"

[[pools]]
name = "main"
url = "stratum+tcp://127.0.0.1:70000"
user = "me"

[[pools]]
name = "spare"
url = "stratum+tls://127.0.0.1:1"
ca_file = "no-such-ca.pem"
password = {{ env = "BASELOAD_TEST_NOT_SET" }}

[[nodes]]
name = "core"
rpc = "127.0.0.1:8332"
cookie_file = "no-such-cookie"
payout_address = "bc1qnobody"

[[alerts]]
name = "duty"
kind = "webook"
sites = ["hall-z"]

[[sites]]
name = "hall-a"
listen = ["tcp:70000", "tcp:4001"]
sources = ["main", "sapre"]
places = "no-such-places.csv"

[[sites.listeners]]
endpoint = "tcp:4001"
deny = ["10.0.0.0/99"]

[sites.difficulty]
start = "64k"

[sites.power]
budget_w = 100_000
fail_safe_w = 200_000
meter = "modbus://127.0.0.1/999"

[[sites.power.signals]]
kind = "schedule"
file = "no-such-schedule.csv"

[[sites.power.signals]]
kind = "http"
listen = "tcp:4002:interface=127.0.0.1"

[[sites.fleet]]
workers = "*"
model = "Antminer S99"
"""

NAMED = [
    ("$.proxy.admin", "Expected unix:PATH, got 'tcp:4000'"),
    ("$.proxy.admin_group", "No group is called 'nobody-is-called-so' here"),
    ("$.proxy.log_levle", "did you mean 'log_level'?"),
    ("$.proxy.log_file", "nothing can be written in"),
    ("$.proxy.web", "is taken by another process"),
    ("$.pools[0].url", "Port out of range"),
    ("$.pools[1]", "Missing required key `user`"),
    ("$.pools[1].ca_file", "No such file"),
    ("$.pools[1].password", "the environment has no BASELOAD_TEST_NOT_SET"),
    ("$.nodes[0].rpc", "Expected http://host:port, got '127.0.0.1:8332'"),
    ("$.nodes[0].payout_address", ""),
    ("$.alerts[0].kind", "did you mean 'webhook'?"),
    ("$.alerts[0].sites", "No site is called 'hall-z'"),
    ("$.sites[0].listen[0]", "with a port from 0 to 65535"),
    ("$.sites[0].sources", "No pool or node is called 'sapre'"),
    ("$.sites[0].places", "No such file"),
    ("$.sites[0].listeners[0].endpoint", "is listened on at $.sites[0].listen[1], too"),
    ("$.sites[0].listeners[0].deny[0]", "Expected an address or a network"),
    ("$.sites[0].difficulty.start", "Expected a number, got '64k'"),
    ("$.sites[0].power.fail_safe_w", "Expected at most budget_w = 100000"),
    ("$.sites[0].power.meter", "Expected a unit of at most 255, got 999"),
    ("$.sites[0].power.signals[0]", "No such file"),
    ("$.sites[0].power.signals[1].token", "A signal of kind 'http' needs token"),
    ("$.sites[0].fleet[0].model", "Antminer S99"),
]


def told(path: Path) -> list[Fault]:
    return found_in(read_config(path, {}))[0]


def written(folder: Path, text: str) -> Path:
    path = folder / "c.toml"
    path.write_text(text)
    return path


def test_twenty_faults_and_more_are_named_in_one_go(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        text = PLANTED.format(taken=taken.getsockname()[1])
        path = written(tmp_path, text)
        status = main(["check-config", "-c", str(path)])
        found = told(path)

    said = {fault.key: fault.text for fault in found}
    assert sorted(fault.key for fault in found) == sorted(key for key, _ in NAMED)
    assert [key for key, text in NAMED if text not in said[key]] == []
    assert all(fault.place.startswith("line ") for fault in found)
    lines = capsys.readouterr().err.splitlines()
    assert (status, len(lines)) == (1, len(NAMED))


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("minimum = 10", 'minimum = "ten"', "$.sites[0].difficulty.minimum"),
        ("budget_w = 1000", "budget_w = true", "$.sites[0].power.budget_w"),
        ('workers = "*"', "workers = 3", "$.sites[0].fleet[0].workers"),
        ('"required"', '"requird"', "$.sites[0].listeners[0].proxy_protocol"),
        ('kind = "http"', 'kind = "htp"', "$.sites[0].power.signals[0].kind"),
        ('name = "main"', 'name = "main "', "$.pools[0].name"),
        ("[[pools]]", "[pools]", "$.pools"),
        ("start = 20", "start = nan", "$.sites[0].difficulty.start"),
    ],
)
def test_what_hangs_on_a_fault_is_none_of_its_own(
    tmp_path: Path, old: str, new: str, key: str
) -> None:
    good = """
[[pools]]
name = "main"
url = "stratum+tcp://127.0.0.1:3333"
user = "a"
[[sites]]
name = "hall-a"
sources = ["main"]
[[sites.listeners]]
endpoint = "tcp:0"
proxy_protocol = "required"
trusted = ["10.0.0.5"]
[sites.difficulty]
minimum = 10
start = 20
[[sites.fleet]]
workers = "*"
model = "Antminer S21"
[sites.power]
budget_w = 1000
fail_safe_w = 100
[[sites.power.signals]]
kind = "http"
listen = "tcp:0:interface=127.0.0.1"
token = "a token of sixteen bytes or more"
"""
    assert told(written(tmp_path, good)) == []
    text = good.replace(old, new)
    if "name" in old:
        text = text.replace('["main"]', '["main "]')

    assert [fault.key for fault in told(written(tmp_path, text))] == [key]


JUNK = st.sampled_from(
    ["3", "-1", "nan", "true", '"x"', '""', "[]", "[1]", "{}", "[{}]", '{ a = "b" }']
)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_whatever_a_key_is_set_to_is_no_more_than_a_fault(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    lines = PLANTED.format(taken=0).splitlines()
    keyed = [n for n, line in enumerate(lines) if " = " in line]
    for number in data.draw(st.lists(st.sampled_from(keyed), min_size=1, max_size=4)):
        name = lines[number].partition(" = ")[0]
        lines[number] = f"{name} = {data.draw(JUNK)}"
    path = written(tmp_path_factory.mktemp("junk"), "\n".join(lines))
    try:
        found = told(path)
    except ConfigError:
        return

    assert found
