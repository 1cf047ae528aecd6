"""docker/: each file is what its readers take, each command line one of ours.

Nothing here starts a container: `make image-test` builds the image and runs it.
"""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from proxy.bench.serve import options_parser
from proxy.cli.main import _parser
from proxy.config import Config, load_config
from proxy.supervisor.service import check_power

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
EXTRA = "cluster"
"""Of what docker/compose.cluster.yaml needs in the image."""
COMPOSE = ("compose.yaml", "compose.regtest.yaml")
WATCH = "compose.watch.yaml"
SCHEMA = json.loads((ROOT / "tests" / "vectors" / "compose-spec.json").read_text())


def compose(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DOCKER / name).read_text())
    return loaded


def services(name: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose(name)["services"]
    return found


def configuration(service: dict[str, Any]) -> Config:
    """Return the file that a service sees as its configuration."""
    mounts = [mount.split(":") for mount in service["volumes"]]
    (source,) = (m[0] for m in mounts if m[1] == "/etc/baseload/baseload.toml")
    return load_config(DOCKER / source)


def instructions() -> list[str]:
    """Return the Dockerfile's, each on one line."""
    text = (DOCKER / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [re.sub(r"\s+", " ", line).strip() for line in text.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def exec_form(line: str) -> list[str]:
    words: list[str] = json.loads(line[line.index("[") :])
    return words


@pytest.mark.parametrize("name", [*COMPOSE, WATCH])
def test_a_compose_file_is_what_the_specification_says(name: str) -> None:
    errors = Draft7Validator(SCHEMA).iter_errors(compose(name))

    assert [f"{error.json_path}: {error.message}" for error in errors] == []


def test_a_misspelt_key_would_be_found() -> None:
    broken = compose("compose.yaml")
    broken["services"]["proxy"]["helthcheck"] = {}

    assert not Draft7Validator(SCHEMA).is_valid(broken)


@pytest.mark.parametrize("name", COMPOSE)
def test_each_command_line_is_one_of_ours(name: str) -> None:
    ours = {k: s for k, s in services(name).items() if "entrypoint" not in s}

    assert ours
    for service in ours.values():
        words = shlex.split(service["command"])
        assert _parser(words).parse_args(words).command.name in words


def test_the_stand_in_pool_takes_its_options() -> None:
    pool = services("compose.yaml")["pool"]
    taken = options_parser().parse_args(shlex.split(pool["command"]))

    assert pool["entrypoint"] == "python -m proxy.bench.serve"
    assert pool["stdin_open"]  # else its standard input ends at once, and it with it
    assert (
        f"pool:{taken.port}"
        in configuration(services("compose.yaml")["proxy"]).pools[0].url
    )


def test_the_node_is_ours_where_no_image_is_named() -> None:
    node = services("compose.regtest.yaml")["node"]
    script = node["entrypoint"][2]
    (line,) = (s.strip() for s in script.splitlines() if "exec baseload" in s)
    words = shlex.split(line)[2:]
    taken = _parser(words).parse_args(words)
    core = configuration(services("compose.regtest.yaml")["proxy"]).nodes[0]

    assert node["image"] == "${BITCOIND_IMAGE:-baseload}"
    assert taken.command.name == "regtest"
    assert core.cookie_file == taken.state_dir / ".cookie"
    assert core.rpc == f"http://127.0.0.1:{taken.rpc_port}"
    assert core.zmq_hashblock == f"tcp://127.0.0.1:{taken.zmq_port}"
    assert f"-zmqpubhashblock={core.zmq_hashblock}" in script  # bitcoind's


@pytest.mark.parametrize("name", COMPOSE)
def test_the_configuration_runs_and_the_health_check_finds_it(name: str) -> None:
    config = configuration(services(name)["proxy"])
    check_power(config)
    (env,) = (line for line in instructions() if line.startswith("ENV"))

    assert f"BASELOAD_ADMIN={config.proxy.admin.removeprefix('unix:')}" in env
    assert "VOLUME " + config.proxy.state_dir in instructions()


@pytest.mark.parametrize("name", COMPOSE)
def test_the_port_that_is_published_is_listened_on(name: str) -> None:
    config = configuration(services(name)["proxy"])
    ports = [p for s in services(name).values() for p in s.get("ports", ())]

    assert [f"tcp:{port.split(':')[1]}" for port in ports] == [*config.sites[0].listen]


@pytest.mark.parametrize("name", COMPOSE)
def test_no_service_may_more_than_it_needs(name: str) -> None:
    for service in services(name).values():
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_what_watches_mounts_files_that_are_there_and_is_reached_from_here_alone() -> (
    None
):
    named = set(compose(WATCH)["volumes"])
    for service in services(WATCH).values():
        assert service["cap_drop"] == ["ALL"]
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
        for mount in service["volumes"]:
            source, _, _ = mount.partition(":")
            assert source in named or (DOCKER / source).exists(), source
        assert not service["image"].endswith("latest")
        assert ":" in service["image"]


def test_a_cluster_is_what_the_specification_says_and_ours() -> None:
    errors = Draft7Validator(SCHEMA).iter_errors(compose("compose.cluster.yaml"))
    found = services("compose.cluster.yaml")
    ours = [s for s in found.values() if "command" in s and "entrypoint" not in s]
    config = configuration(found["hall-a"])
    check_power(config)

    assert [f"{error.json_path}: {error.message}" for error in errors] == []
    for service in ours:
        words = shlex.split(service["command"])
        assert _parser(words).parse_args(words).command.name in words
    assert config.cluster is not None
    assert str(config.cluster.url).endswith("@database/baseload")
    assert EXTRA in next(line for line in instructions() if "EXTRAS=" in line)


def test_the_image_runs_as_nobody_in_particular_and_looks_after_its_health() -> None:
    lines = instructions()
    (health,) = (line for line in lines if line.startswith("HEALTHCHECK"))
    (command,) = (line for line in lines if line.startswith("CMD"))
    words = exec_form(health)[1:]

    assert lines[0].startswith("ARG BASE=")
    assert lines.index("USER 10001:10001") > lines.index("FROM ${BASE}")
    assert _parser(words).parse_args(words).json
    assert exec_form(command)[0] == "run"


def test_what_the_image_is_built_from_is_let_in() -> None:
    """`.dockerignore` shuts out all but what it names."""
    let_in = (ROOT / ".dockerignore").read_text().splitlines()
    copied = [
        source
        for line in instructions()
        if line.startswith("COPY") and "--from" not in line
        for source in line.split()[1:-1]
    ]

    assert copied
    for source in copied:
        assert f"!{source}" in let_in
        assert (ROOT / source).exists()
