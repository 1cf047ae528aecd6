"""`baseload regtest` and `check-config --nodes` as processes."""

import json
import signal
import socket
import subprocess
import sys
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_demo import environment, finish, next_event
from tests.integration.test_regtest_node import ADDRESS

pytestmark = pytest.mark.integration

Process = subprocess.Popen[str]


def baseload(folder: Path, *words: str) -> Process:
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "proxy.cli", *words],
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


class Node:
    """A running `baseload regtest --json`."""

    def __init__(self, folder: Path, *options: str) -> None:
        ports = ["--rpc-port", "0", "--zmq-port", "0"]
        self.process = baseload(folder, "regtest", "--json", *ports, *options)
        self.ready: Any = next_event(self.process)

    def stop(self) -> Any:
        """Return its last line."""
        self.process.send_signal(signal.SIGINT)
        lines, err = finish(self.process)
        assert (self.process.returncode, err) == (0, "")
        return json.loads(lines[-1])


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    (tmp_path / "t").mkdir()
    node = Node(tmp_path / "t")
    yield node
    if node.process.poll() is None:
        node.stop()


def generate(node: Node, blocks: int) -> list[str]:
    """Call the node as any tool would, with the standard library alone."""
    login = b64encode(Path(node.ready["cookie_file"]).read_bytes()).decode()
    call = {"id": 1, "method": "generatetoaddress", "params": [blocks, ADDRESS]}
    request = urllib.request.Request(  # noqa: S310
        node.ready["rpc"],
        json.dumps(call).encode(),
        {"Authorization": f"Basic {login}"},
    )
    with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310
        return list(json.load(reply)["result"])


def test_it_says_where_it_is_tells_of_blocks_and_leaves_nothing(
    tmp_path: Path,
) -> None:
    node = Node(tmp_path)
    assert (node.ready["event"], node.ready["height"]) == ("ready", 0)

    made = generate(node, 3)
    told = [next_event(node.process) for _ in made]

    assert [block["hash"] for block in told] == made
    assert [block["height"] for block in told] == [1, 2, 3]
    assert node.stop() == {"event": "summary", "height": 3, "blocks": 3}
    assert list(tmp_path.iterdir()) == []


def test_a_kept_chain_goes_on_where_it_was(tmp_path: Path) -> None:
    kept = str(tmp_path / "kept")
    first = Node(tmp_path, "--state-dir", kept)
    generate(first, 2)
    first.stop()

    second = Node(tmp_path, "--state-dir", kept)

    assert second.ready["height"] == 2
    assert second.stop()["blocks"] == 0
    assert list(tmp_path.iterdir()) == [tmp_path / "kept"]


def test_its_text_can_be_pasted_into_a_configuration(tmp_path: Path) -> None:
    process = baseload(tmp_path, "regtest", "--rpc-port", "0", "--zmq-port", "0")
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(6)]
    process.send_signal(signal.SIGTERM)
    rest, err = finish(process)

    config = tmp_path / "c.toml"
    site = '[[sites]]\nname = "a"\nlisten = ["tcp:0"]\nsources = ["regtest"]\n'
    config.write_text("".join(lines) + f'payout_address = "{ADDRESS}"\n' + site)
    assert lines[1] == "[[nodes]]\n"
    assert check(config)[0] == 0
    assert (process.returncode, err) == (0, "")
    assert rest[-1] == "stopped at height 0, 0 new blocks"


@pytest.mark.parametrize("option", ["--rpc-port", "--zmq-port"])
def test_a_port_that_is_taken_is_one_line_and_status_1(
    option: str, tmp_path: Path
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ports = {"--rpc-port": "0", "--zmq-port": "0"}
        ports[option] = str(taken.getsockname()[1])
        words = [word for pair in ports.items() for word in pair]
        process = baseload(tmp_path, "regtest", *words)
        lines, err = finish(process)

    assert (process.returncode, lines, err.count("\n")) == (1, [], 1)
    assert ports[option] in err
    assert list(tmp_path.iterdir()) == []


def test_a_chain_that_another_has_open_is_refused(tmp_path: Path) -> None:
    kept = str(tmp_path / "kept")
    node = Node(tmp_path, "--state-dir", kept)
    words = ["--rpc-port", "0", "--zmq-port", "0", "--state-dir", kept]
    process = baseload(tmp_path, "regtest", *words)
    _, err = finish(process)
    node.stop()

    assert (process.returncode, err.count("\n")) == (1, 1)
    assert kept in err


# check-config --nodes


POOL_AND_SITE = """
[[pools]]
name = "main"
url = "stratum+tcp://127.0.0.1:3333"
user = "account"
check_against = "core"
[[sites]]
name = "hall-a"
listen = ["tcp:3333"]
sources = ["main"]
"""


def config_for(node: Node, folder: Path, **changes: str) -> Path:
    keys = {
        "rpc": node.ready["rpc"],
        "cookie_file": node.ready["cookie_file"],
        "zmq_hashblock": node.ready["zmq_hashblock"],
        "payout_address": ADDRESS,
    } | changes
    path = folder / "c.toml"
    lines = [f'{key} = "{value}"' for key, value in keys.items() if value]
    path.write_text('[[nodes]]\nname = "core"\n' + "\n".join(lines) + POOL_AND_SITE)
    return path


def check(path: Path, *options: str) -> tuple[int, list[str], str]:
    process = baseload(path.parent, "check-config", "-c", str(path), *options)
    lines, err = finish(process)
    return process.returncode, lines, err


def test_a_good_node_says_its_chain_and_takes_a_proposal(
    node: Node, tmp_path: Path
) -> None:
    status, lines, err = check(config_for(node, tmp_path), "--nodes")

    assert (status, err) == (0, "")
    assert lines[1] == (
        "core: /Baseload regtest/ on regtest, height 0, would take our blocks"
    )


def test_a_good_node_as_json(node: Node, tmp_path: Path) -> None:
    path = config_for(node, tmp_path, payout_address="")
    status, lines, _ = check(path, "--nodes", "--json")

    (report,) = json.loads(lines[0])["nodes"]
    assert (status, report["ok"], report["chain"]) == (0, True, "regtest")
    assert report["text"] == "gives no work: no payout_address"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"rpc": "http://127.0.0.1:1"}, "onnection was refused"),
        ({"cookie_file": "nowhere"}, "cookie"),
        ({"network": "signet", "payout_address": ""}, "on regtest, not on signet"),
        ({"payout_address": "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"}, "regtest"),
        ({"zmq_hashblock": "tcp://127.0.0.1:1"}, "publishes hashblock tcp://"),
    ],
)
def test_a_node_that_is_not_as_configured_is_status_1_with_the_reason(
    changes: dict[str, str], why: str, node: Node, tmp_path: Path
) -> None:
    status, _, err = check(config_for(node, tmp_path, **changes), "--nodes")

    assert (status, err.count("\n")) == (1, 1)
    assert err.startswith("baseload: node core: ")
    assert why in err


def test_without_the_option_no_node_is_asked(node: Node, tmp_path: Path) -> None:
    path = config_for(node, tmp_path, rpc="http://127.0.0.1:1")

    assert check(path)[0] == 0
