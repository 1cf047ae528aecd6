"""Several who mine on one node: no two of them hash the same headers."""

import json
import signal
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from proxy.admin.client import call
from tests.integration.test_demo import finish
from tests.integration.test_regtest_command import Node, Process, baseload
from tests.support import PATIENCE, free_ports

pytestmark = pytest.mark.integration

SHIPPED = Path(__file__).parents[2] / "configs" / "solo.toml"

SECOND_SITE = """
[[sites]]
name = "bench-2"
listen = ["tcp:{port}:interface=127.0.0.1"]
sources = ["core", "reserve"]

[sites.difficulty]
start = 0.0001
minimum = 0.00001
"""


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    (tmp_path / "t").mkdir()
    node = Node(tmp_path / "t")
    yield node
    node.stop()


def shipped_config(folder: Path, node: Node, ports: list[int]) -> Path:
    """Write the shipped configuration with hosts and ports of here, and a site more."""
    text = SHIPPED.read_text("utf-8")
    for ours, theirs in (
        ("../state", "state"),
        ("http://127.0.0.1:18443", node.ready["rpc"]),
        ("/var/lib/bitcoind/regtest/.cookie", node.ready["cookie_file"]),
        ("tcp://127.0.0.1:28332", node.ready["zmq_hashblock"]),
        ("tcp:3333", f"tcp:{ports[0]}:interface=127.0.0.1"),
        ("tcp:3336", f"tcp:{ports[2]}:interface=127.0.0.1"),
    ):
        assert ours in text
        text = text.replace(ours, theirs)
    folder.mkdir()
    path = folder / "solo.toml"
    path.write_text(text + SECOND_SITE.format(port=ports[1]), "utf-8")
    return path


def search_space(port: int) -> tuple[Any, ...]:
    """Return all that decides what a new miner hashes, beside what it rolls."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return _search_space(port)
        except (OSError, StopIteration):
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def _search_space(port: int) -> tuple[Any, ...]:
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as wire:
        wire.sendall(b'{"id":1,"method":"mining.subscribe","params":["x"]}\n')
        wire.sendall(b'{"id":2,"method":"mining.authorize","params":["w","x"]}\n')
        messages = map(json.loads, wire.makefile("r"))
        extranonce1 = next(m for m in messages if m["id"] == 1)["result"][1]
        params = next(m for m in messages if m.get("method") == "mining.notify")
        _, prev_hash, coinb1, coinb2, branch, version, nbits, *_ = params["params"]
        return extranonce1, prev_hash, coinb1, coinb2, tuple(branch), version, nbits


def end(process: Process) -> None:
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err


def test_two_processes_with_two_sites_each_hash_four_search_spaces(
    node: Node, tmp_path: Path
) -> None:
    """Shipped configuration, state folders of their own, and nothing done about it."""
    taken = free_ports(6)
    configs = [
        shipped_config(tmp_path / name, node, taken[n : n + 3])
        for name, n in (("one", 0), ("two", 3))
    ]
    ports = [taken[0:2], taken[3:5]]  # the others speak V2
    spaces: list[tuple[Any, ...]] = []
    with ExitStack() as stack:
        for config, its_ports in zip(configs, ports, strict=True):
            process = baseload(tmp_path / "t", "run", "-c", str(config))
            stack.callback(end, process)
            spaces += map(search_space, its_ports)  # one is up before the other
        shown = [
            call(config.parent / "state" / "admin.sock", "nodes", {}, PATIENCE)[0]
            for config in configs
        ]
        checked = [check(config, tmp_path) for config in configs]

    assert len(set(spaces)) == 4
    for config, view, report in zip(configs, shown, checked, strict=True):
        kept = config.parent / "state" / "instance"
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        assert int(kept.read_text()) == view["instance"] == report["instance"]
        assert view["prefixes"] == report["prefixes"]
        assert view["prefixes"] == {
            "bench": f"{view['instance']:04x}00",
            "bench-2": f"{view['instance']:04x}01",
        }
    prefixes = [p for view in shown for p in view["prefixes"].values()]
    for space, prefix in zip(spaces, prefixes, strict=True):
        assert prefix in space[2]  # coinb1, after the tag


def check(config: Path, folder: Path) -> Any:
    process = baseload(folder / "t", "check-config", "--json", "-c", str(config))
    lines, err = finish(process)
    assert (process.returncode, err) == (0, "")
    return json.loads(lines[-1])


def test_a_number_of_the_operators_own_is_taken(node: Node, tmp_path: Path) -> None:
    config = shipped_config(tmp_path / "one", node, free_ports(3))
    text = config.read_text("utf-8").replace("[proxy]", "[proxy]\ninstance = 513", 1)
    config.write_text(text, "utf-8")

    report = check(config, tmp_path)

    assert report["instance"] == 513
    assert report["prefixes"] == {"bench": "020100", "bench-2": "020101"}
    assert not (tmp_path / "one" / "state").exists()
