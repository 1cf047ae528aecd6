"""A named pipe in place of a file is a fault that is named: nobody waits for it."""

import os
from pathlib import Path

import pytest

from proxy.cli.check import found_in
from proxy.config import ConfigError
from proxy.config.load import read_config

CONFIG = """\
[proxy]
web = "ssl:0:certKey=pipe:privateKey=pipe"
[proxy.transparency]
origin = "plant.example/log/1"
trust = "pipe"
[[pools]]
name = "main"
url = "stratum+tls://127.0.0.1:3333"
user = "a"
password = { file = "pipe" }
ca_file = "pipe"
[[nodes]]
name = "core"
rpc = "http://127.0.0.1:8332"
cookie_file = "pipe"
[[sites]]
name = "hall-a"
listen = ["tcp:0"]
sources = ["main"]
places = "pipe"
[[sites.listeners]]
endpoint = "ssl:0:privateKey=pipe:certKey=pipe"
client_ca = "pipe"
[sites.power]
budget_w = 1000
fail_safe_w = 100
[[sites.power.signals]]
kind = "schedule"
file = "pipe"
[[sites.power.signals]]
kind = "mqtt"
brokers = ["mqtts://127.0.0.1:1"]
ca_file = "pipe"
[[sites.power.signals]]
kind = "openadr3"
ven_name = "hall-a"
url = "https://127.0.0.1:1"
token_url = "https://127.0.0.1:1/token"
client_id = "a"
client_secret = "b"
ca_file = "pipe"
[[sites.power.signals]]
kind = "signed"
policy = "pipe"
policy_id = "0000000000000000000000000000000000000000000000000000000000000000"
"""
KEYS = [
    "$.nodes[0].cookie_file",  # a warning: the node may not have begun
    "$.pools[0].ca_file",
    "$.pools[0].password",
    "$.proxy.transparency.trust",
    "$.proxy.web",
    "$.sites[0].listeners[0].client_ca",
    "$.sites[0].listeners[0].endpoint",
    "$.sites[0].places",
    "$.sites[0].power.signals[0]",
    "$.sites[0].power.signals[1]",
    "$.sites[0].power.signals[2]",
    "$.sites[0].power.signals[3]",
]


def test_a_pipe_in_place_of_a_file_is_named_at_each_key(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    path = tmp_path / "c.toml"
    path.write_text(CONFIG)
    faults, warnings = found_in(read_config(path, {}))

    told = [f for f in (*faults, *warnings) if "not a regular file" in f.text]
    assert sorted(fault.key for fault in told) == KEYS


def test_a_pipe_is_no_configuration(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match="pipe: not a regular file"):
        read_config(tmp_path / "pipe", {})


def test_a_cell_without_end_is_no_place(tmp_path: Path) -> None:
    places = tmp_path / "pipe"
    places.write_text(f"worker,address,rack,position\n{'a' * 200_000},,r,1\n")
    path = tmp_path / "c.toml"
    wanted = ("[[sites]]", "name =", "listen", "sources", "places")
    lines = [line for line in CONFIG.splitlines() if line.startswith(wanted)]
    path.write_text("\n".join(lines[lines.index("[[sites]]") :]))
    told = {fault.key: fault.text for fault in read_config(path, {}).faults}

    assert "line 2: field larger than field limit" in told["$.sites[0].places"]
