"""`baseload bench` as a user runs it, and its load against servers that misbehave."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support import PATIENCE, free_port

generator = pytest.importorskip("proxy.bench.native.generator")

HELLO = b'{"id":1,"result":[[["mining.notify","1"]],"00000001",4],"error":null}\n'
LOGIN = b'{"id":2,"result":true,"error":null}\n'
EASY = b'{"id":null,"method":"mining.set_difficulty","params":[1e-9]}\n'
NOTIFY = (
    b'{"id":null,"method":"mining.notify","params":["1","' + b"00" * 32 + b'","0100",'
    b'"00",[],"20000000","1d00ffff","6553f100",true]}\n'
)
WORK = HELLO + LOGIN + EASY + NOTIFY


def run_bench(*words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        [sys.executable, "-m", "proxy.cli", "bench", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
        **options,
    )


def rounds_of(document: dict[str, Any], server: str) -> list[dict[str, Any]]:
    return [
        figures
        for result in document["results"]
        for view in result["servers"]
        if view["name"] == server
        for figures in view["rounds"]
    ]


@pytest.mark.integration
def test_every_share_that_was_sent_is_accounted_for() -> None:
    sizes = ("--seconds", "1", "--rounds", "1", "--miners", "50")
    done = run_bench("closed", *sizes, "--json")

    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert [r["scenario"] for r in document["results"]] == ["accept", "reject"]
    for server in ("baseline", "baseload"):
        for figures in rounds_of(document, server):
            verdicts = figures["accepted"] + figures["rejected"]
            assert figures["sent"] == verdicts + figures["unanswered"]
            assert figures["unanswered"] == 0
            assert verdicts > 0
    met, missed = rounds_of(document, "baseload")
    assert met["rejected"] == 0
    assert missed["accepted"] == 0
    assert missed["refusals"] == {"23": missed["rejected"]}


@pytest.mark.integration
def test_crowds_are_held_told_and_taken_in() -> None:
    sizes = ("--seconds", "2", "--rounds", "1", "--miners", "200")
    done = run_bench("idle", "fanout", "storm", *sizes, "--json")

    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    for server in ("baseline", "baseload"):
        idle, fanout, storm = rounds_of(document, server)
        assert (idle["held"], idle["dropped"]) == (200, 0)
        assert fanout["jobs"] >= 1
        assert 0 < fanout["spread_ms"] <= fanout["worst_ms"]
        assert 0 < storm["all_work_s"] < 60
        assert storm["answered"] + storm["skipped"] > 0


@pytest.mark.integration
def test_a_soak_changes_everything_and_watches_memory() -> None:
    done = run_bench("soak", "--seconds", "14", "--miners", "20", "--json")

    document = json.loads(done.stdout)
    assert [r["scenario"] for r in document["results"]] == ["soak"]
    (soak,) = rounds_of(document, "baseload")
    assert soak["connects"] > 20
    assert soak["retargets"] > 20
    assert soak["shares"] > soak["rejected"]
    assert done.returncode == (1 if soak["growth"] > 0.02 else 0)


@pytest.mark.integration
def test_a_table_compares_ours_with_another_server(tmp_path: Path) -> None:
    with bare_server() as (port, pid):
        another = ("--against", f"127.0.0.1:{port}", "--against-pid", str(pid))
        sizes = ("--seconds", "1", "--rounds", "1", "--miners", "20", "--rate", "500")
        done = run_bench("paced", *sizes, *another)

    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split("  ")[0] for line in lines[2:7]] == [
        "baseline",
        "baseload",
        "against",
        "baseload / baseline",
        "baseload / against",
    ]
    assert "-" not in lines[4].split()


@pytest.mark.integration
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_all_that_was_started(number: int, short_path: Path) -> None:
    with started_bench(short_path) as process:
        until(lambda: len(children_of(process.pid)) == 3 and has_socket(short_path))
        children = children_of(process.pid)
        process.send_signal(number)
        said, errors = process.communicate(timeout=PATIENCE)

    assert process.returncode == 130
    assert said + errors == ""
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]
    assert not list(short_path.iterdir())


@pytest.mark.integration
def test_a_folder_too_deep_for_a_socket_is_one_line(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 100)
    folder.mkdir()
    with started_bench(folder) as process:
        said, errors = process.communicate(timeout=PATIENCE)

    assert process.returncode == 1
    assert said == ""
    assert errors.startswith("baseload: baseload did not start: ")
    assert errors.endswith("longer than 107 B (Linux, unix(7)) - at `$.proxy.admin`\n")
    assert not list(folder.iterdir())


@pytest.mark.integration
@pytest.mark.parametrize("role", ["pool", "against"])
def test_a_server_that_is_not_there_is_one_line(role: str) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    done = run_bench("closed", f"--{role}", nobody, "--miners", "1")

    assert done.returncode == 1
    assert done.stderr == f"baseload: {role} at {nobody}: Connection refused\n"
    assert done.stdout == ""


@contextmanager
def started_bench(folder: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "proxy.cli", "bench", "closed", "--seconds", "60"],
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def has_socket(folder: Path) -> bool:
    return any(folder.glob("*/admin.sock"))


def children_of(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(word) for word in path.read_text().split()]


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)


@contextmanager
def bare_server() -> Iterator[tuple[int, int]]:
    command = [sys.executable, "-m", "proxy.bench.serve"]
    with subprocess.Popen(  # noqa: S603
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield json.loads(process.stdout.readline())["port"], process.pid
        process.stdin.close()  # it ends with whoever started it
        process.wait(PATIENCE)


@contextmanager
def scripted(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """Run a server of one connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            peer, _ = listener.accept()
            with peer:
                talk(peer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(PATIENCE)
        assert not thread.is_alive()


def one_miner(port: int) -> Any:
    load = generator.Load("127.0.0.1", port, 1)
    load.submit(4)
    load.open(1)
    return load


def read_lines(peer: socket.socket, count: int) -> list[dict[str, Any]]:
    data = b""
    while data.count(b"\n") < count:
        data += peer.recv(65536)
    return [json.loads(line) for line in data.splitlines()]


@pytest.mark.integration
def test_a_window_is_filled_again_as_it_is_answered() -> None:
    seen: list[dict[str, Any]] = []

    def talk(peer: socket.socket) -> None:
        hello, login = read_lines(peer, 2)
        assert (hello["method"], login["params"]) == (
            "mining.subscribe",
            ["bench.0", "x"],
        )
        for cut in range(0, len(WORK), 7):
            peer.sendall(WORK[cut : cut + 7])
        seen.extend(read_lines(peer, 4))
        for share in seen[1:]:
            peer.sendall(b'{"result":true,"id":%d}\n' % share["id"])
        reason = b'{"id":%d,"result":null,"error":[23,"low",null]}\n'
        peer.sendall(reason % seen[0]["id"])
        seen.extend(read_lines(peer, 4))

    with scripted(talk) as port:
        load = one_miner(port)
        load.run_until_work(PATIENCE)
        while load.totals().dropped == 0:  # it leaves once it has seen the second four
            load.run(0.05)
        totals = load.totals()

    assert len({share["id"] for share in seen}) == 8
    assert len({share["params"][4] for share in seen}) == 8
    assert {tuple(share["params"][:4]) for share in seen} == {
        ("bench.0", "1", "00000000", "6553f100")
    }
    assert (totals.accepted, totals.rejected, totals.refusals) == (3, 1, {23: 1})
    assert totals.sent == 8
    assert totals.in_flight + totals.lost == 4


@pytest.mark.integration
@pytest.mark.parametrize(
    "said",
    [
        HELLO + b'{"id":2,"result":false,"error":null}\n',
        b'{"id":1,"result":null,"error":[20,"no",null]}\n',
        b"SSH-2.0\n",
        b"x" * 200_000,
        b"",
    ],
)
def test_a_server_that_turns_a_miner_away_is_counted(said: bytes) -> None:
    def talk(peer: socket.socket) -> None:
        read_lines(peer, 2)
        peer.sendall(said)

    with scripted(talk) as port:
        load = one_miner(port)
        load.run_until_work(PATIENCE)

    assert load.totals().failed == 1
    assert load.totals().working == 0


@pytest.mark.integration
@pytest.mark.parametrize("said", [b"{\n", NOTIFY.replace(b"20000000", b"x"), b""])
def test_what_was_in_flight_is_lost_with_the_connection(said: bytes) -> None:
    def talk(peer: socket.socket) -> None:
        read_lines(peer, 2)
        peer.sendall(WORK)
        read_lines(peer, 4)
        peer.sendall(said)

    with scripted(talk) as port:
        load = one_miner(port)
        load.run_until_work(PATIENCE)
        load.run_until_answered(PATIENCE)

    totals = load.totals()
    assert (totals.dropped, totals.working) == (1, 0)
    assert (totals.sent, totals.lost, totals.in_flight) == (4, 4, 0)


@pytest.mark.integration
def test_nobody_listening_is_said() -> None:
    load = one_miner(free_port())

    assert load.run_until_work(PATIENCE)
    assert load.totals().why_failed == "Connection refused"


@pytest.mark.integration
def test_a_port_that_is_taken_is_an_error() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(OSError, match="in use"),
    ):
        generator.Server("127.0.0.1", taken.getsockname()[1])
