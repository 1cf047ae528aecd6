"""What is shipped runs as it is: each configuration serves miners of either version.

Hosts, ports and paths are replaced, nothing else; the pool's difficulty is one that
pools have. `.ci/run` runs this on each Python that is claimed.
"""

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from protocol.bitcoin.target import target_from_difficulty
from protocol.sv2.codec import decode, encode, mining
from protocol.sv2.line import ClientLine
from protocol.units import Difficulty, UnixTime
from proxy.downstream.sv2_keys import KEY_FILE, load_authority
from tests.fakes.plain_pool import PlainPool
from tests.fakes.sv2_ends import a_setup, an_extended
from tests.noise_peers import an_initiator
from tests.support import PATIENCE, free_port

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
CONFIGS = sorted((ROOT / "configs").glob("*.toml"))
README = "README.md"
REAL = (65536.0, 1e6, 65536.5)  # pools at powers of two, at round numbers, at neither

WORKERS = {
    "hosting.toml": ("acme.1", "borealis.1", "other.1"),
    "plant.toml": ("old.1",),
}
"""Of sites that part their miners, one of each kind."""


def text_of(name: str) -> str:
    if name == README:
        found = re.search(r"```toml\n(.*?)```", (ROOT / README).read_text(), re.DOTALL)
        assert found is not None
        return found[1]
    return (ROOT / "configs" / name).read_text()


def replaced(text: str, pool: int, ports: dict[str, int]) -> str:
    """Return `text` with hosts and ports of this machine.

    What speaks TLS, Modbus, HTTP, RPC or SQL is not there: nothing listens at port 9.
    """
    text = re.sub(r"stratum\+tcp://[^\s\"/]+", f"stratum+tcp://127.0.0.1:{pool}", text)
    text = re.sub(r"stratum\+tls://[^\s\"/]+", "stratum+tls://127.0.0.1:9", text)
    text = re.sub(r"(modbus|http)://[^\s\"/]+", r"\g<1>://127.0.0.1:9", text)
    text = re.sub(r"tcp://127\.0\.0\.1:28332", "tcp://127.0.0.1:9", text)
    text = re.sub(r"postgresql://[^\"]+", "postgresql://127.0.0.1:9/baseload", text)
    for port in ("3333", "3336", "8080", "8443", "8444"):
        ports[port] = free_port()
        endpoint = f"tcp:{ports[port]}:interface=127.0.0.1"
        text = re.sub(rf"tcp:{port}(:interface=[\d.]+)?(?=\")", endpoint, text)
    return text


class Running:
    """`baseload run` with one of the configurations."""

    def __init__(self, name: str, folder: Path) -> None:
        self.pool = PlainPool(REAL[0])
        self.workers = WORKERS.get(name, ("rig1",))
        self.ports: dict[str, int] = {}
        self.state = folder / "state"
        path = folder / "configs" / Path(name).with_suffix(".toml")
        if name == README:
            self.state = path.parent / "state"
        path.parent.mkdir()
        for beside in (ROOT / "configs").glob("*.json"):  # that a configuration names
            shutil.copy(beside, path.parent)
        path.write_text(replaced(text_of(name), self.pool.port, self.ports))
        self.log = (folder / "log").open("w+")
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "proxy.cli", "run", "-c", str(path)],
            stderr=self.log,
        )

    def connect(self, port: str) -> socket.socket:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and self._process.poll() is None:
            try:
                peer = socket.create_connection(("127.0.0.1", self.ports[port]), 5)
            except ConnectionRefusedError:
                time.sleep(0.1)
            else:
                peer.settimeout(PATIENCE)
                return peer
        raise AssertionError(self.said())

    def said(self) -> str:
        self.log.seek(0)
        return self.log.read()

    def stop(self) -> int:
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(PATIENCE)
        self.pool.close()
        return code


@pytest.fixture(params=[*(path.name for path in CONFIGS), README])
def running(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    found = Running(request.param, tmp_path)
    yield found
    code = found.stop()
    found.log.close()
    assert code == 0


def older_miner(running: Running, worker: str) -> float:
    """Return what difficulty a miner of Stratum V1 is told with its first job."""
    with running.connect("3333") as peer, peer.makefile("rb") as lines:
        for number, method, params in (
            (1, "mining.subscribe", ["x"]),
            (2, "mining.authorize", [worker, "x"]),
        ):
            request = {"id": number, "method": method, "params": params}
            peer.sendall(json.dumps(request).encode() + b"\n")
        told = 0.0
        for line in lines:
            message = json.loads(line)
            if message.get("method") == "mining.set_difficulty":
                told = message["params"][0]
            if message.get("method") == "mining.notify":
                return told
    raise AssertionError(running.said())


def newer_miner(running: Running, worker: str) -> int:
    """Return what target a miner of Stratum V2 is told with its first job."""
    with running.connect("3336") as peer:
        authority = load_authority(running.state / KEY_FILE)
        assert authority is not None
        line = ClientLine(1 << 20, an_initiator(authority.key), UnixTime(time.time()))
        line.start()
        peer.sendall(line.outgoing())
        target, has_asked = 0, False
        while data := peer.recv(65536):
            for frame in line.receive(data):
                message: Any = decode(frame)
                target = getattr(message, "maximum_target", target)
                target = getattr(message, "target", target)
                if isinstance(message, mining.NewExtendedMiningJob):
                    return target
            if line.is_open and not has_asked:
                has_asked = True
                ask = an_extended(user_identity=worker, nominal_hash_rate=0.0)
                line.send(map(encode, (a_setup(), ask)))
            peer.sendall(line.outgoing())
    raise AssertionError(running.said())


def test_it_serves_miners_of_either_version(running: Running) -> None:
    for difficulty in REAL:
        running.pool.set_difficulty(difficulty)
        for worker in running.workers:
            told = older_miner(running, worker)
            target = newer_miner(running, worker)

            assert 0 < told <= difficulty
            assert target == target_from_difficulty(Difficulty(told))
    assert "Traceback" not in running.said()
