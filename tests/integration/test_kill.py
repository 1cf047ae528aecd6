"""An acknowledged share is in the ledger after kill -9."""

import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from protocol.bitcoin.hashes import sha256d
from protocol.units import JobId
from protocol.work.judge import header_of
from tests.builders import a_job, a_submission, a_work, judge_loosely
from tests.engines import ENGINES
from tests.support import PATIENCE, free_port

MOMENTS = 8


def start(*command: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", *command], stderr=subprocess.DEVNULL
    )


class BlockingMiner:
    """Submits one share after another and remembers which were accepted."""

    def __init__(self, port: int) -> None:
        for _ in range(1200):
            try:
                self._socket = socket.create_connection(("127.0.0.1", port), 60)
                break
            except OSError:
                time.sleep(0.05)
        self._lines = self._socket.makefile("rb")
        self._send(1, "mining.subscribe", ["test"])
        self._send(2, "mining.authorize", ["rig1", "x"])
        self.accepted: list[str] = []
        self._nonce = 0
        self._slot = b""
        self._job: list[str] = []
        while not self._job:
            self._read()

    def mine(self, until: float) -> None:
        try:
            while time.monotonic() < until:
                self.submit()
        except OSError:
            return

    def submit(self) -> None:
        self._nonce += 1
        self._submit(self._nonce)

    def close(self) -> None:
        self._lines.close()
        self._socket.close()

    def _submit(self, nonce: int) -> None:
        job = self._job
        self._send(nonce + 10, "mining.submit", [
            "rig1", job[0], "00000000", job[7], f"{nonce:08x}"])  # fmt: skip
        while (answer := self._read()).get("id") != nonce + 10:
            pass
        if answer["result"] is True:
            self.accepted.append(self._hash(nonce))

    def _hash(self, nonce: int) -> str:
        job_id, prev, coinb1, coinb2, _, version, nbits, ntime, _ = self._job
        words = [bytes.fromhex(prev[i : i + 8])[::-1] for i in range(0, 64, 8)]
        work = a_work(
            prev_hash=b"".join(words), coinb2=bytes.fromhex(coinb2),
            merkle_branch=(), version=int(version, 16), nbits=int(nbits, 16),
        )  # fmt: skip
        job = a_job(id=JobId(job_id), work=work, coinb1=bytes.fromhex(coinb1))
        share = a_submission(nonce=nonce, ntime=int(ntime, 16))
        return sha256d(header_of(job, judge_loosely(share, self._slot)))[::-1].hex()

    def _send(self, number: int, method: str, params: list[str]) -> None:
        message = {"id": number, "method": method, "params": params}
        self._socket.sendall(json.dumps(message).encode() + b"\n")

    def _read(self) -> dict[str, object]:
        line = self._lines.readline()
        if not line:
            raise OSError("hung up")
        message: dict[str, object] = json.loads(line)
        if message.get("id") == 1:
            self._slot = bytes.fromhex(message["result"][1])  # type: ignore[index]
        if message.get("method") == "mining.notify":
            self._job = message["params"]  # type: ignore[assignment]
        return message


@pytest.mark.integration
@pytest.mark.parametrize("engine", ENGINES)
def test_every_acknowledged_share_survives_a_kill(
    tmp_path: Path, engine: tuple[str, int]
) -> None:
    pool_port, port = free_port(), free_port()
    config = tmp_path / "c.toml"
    config.write_text(f"""
[proxy]
engine = "{engine[0]}"
engine_threads = {engine[1]}
[[pools]]
name = "main"
url = "stratum+tcp://127.0.0.1:{pool_port}"
user = "site"
[[sites]]
name = "hall-a"
listen = ["tcp:{port}:interface=127.0.0.1"]
sources = ["main"]
[sites.difficulty]
start = 1e-9
minimum = 1e-9
shares_per_minute = 0
""")
    pool = start("tests.fakes.judging_pool", str(pool_port), "1e-8")
    accepted: set[str] = set()
    rng = random.Random(7)  # noqa: S311
    try:
        for _ in range(MOMENTS):
            proxy = start("proxy.cli", "run", "-c", str(config))
            miner = BlockingMiner(port)
            while not miner.accepted:  # a busy machine takes its time
                miner.submit()
            delay = rng.uniform(0.0, 0.3)
            killer = subprocess.Popen(  # noqa: S603
                ["/bin/sh", "-c", f"sleep {delay}; kill -9 {proxy.pid}"]
            )
            miner.mine(time.monotonic() + PATIENCE)
            miner.close()
            killer.wait()
            proxy.wait()
            accepted |= set(miner.accepted)
        proxy = start("proxy.cli", "run", "-c", str(config))
        BlockingMiner(port).close()
        proxy.terminate()
        assert proxy.wait() == 0
    finally:
        os.kill(pool.pid, signal.SIGTERM)
        pool.wait()
    ledger = sqlite3.connect(tmp_path / "state" / "ledger.sqlite3")
    rows = ledger.execute("SELECT hash FROM share WHERE verdict = 'accepted'")
    kept = [row[0] for row in rows]
    sums = ledger.execute("SELECT sum(accepted) FROM work_day").fetchone()
    ledger.close()

    assert len(accepted) > MOMENTS
    assert accepted <= set(kept)
    assert sums == (len(kept),)  # each was summed, and once
