"""Our log verified and cosigned by programs that others wrote, in Go.

x/mod's sumdb/tlog, torchwood's litewitness, transparency-dev's witness: built here,
where Go and its module proxy are there. What is missing is skipped, with its reason.
"""

import base64
import os
import shutil
import socket
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from attrs import frozen

from protocol.tlog.cosignature import verified
from protocol.tlog.note import KeyKind, VerifierKey
from protocol.tlog.tree import EMPTY_ROOT
from proxy.oversight.signing import ed25519
from tests.oversight_live import LiveLog
from tests.oversight_logs import ORIGIN, SIGNER, Plant
from tests.support import free_port, on_reactor

SOURCES = Path(__file__).parent / "peers"
BUILT = Path(os.environ.get("BASELOAD_GO_PEERS", tempfile.gettempdir())) / "go-peers"
LITEWITNESS = "filippo.io/torchwood/cmd/litewitness@v0.9.0"
BUILD_WITHIN_S = 900.0

needs_time = pytest.mark.skipif(
    os.environ.get("LONG", "0") == "0", reason="LONG=1 builds it: half a minute of CPU"
)
pytestmark = pytest.mark.skipif(shutil.which("go") is None, reason="needs go")


@frozen
class Peer:
    """A witness of others."""

    url: str
    key: VerifierKey


def built(name: str, package: str = "") -> Path:
    """Return a program of Go, built if it is not there."""
    BUILT.mkdir(exist_ok=True)
    program = BUILT / name
    if program.exists():
        return program
    if package:
        command, folder = ["go", "install", package], BUILT
    else:
        command = ["go", "build", "-o", str(program), "."]
        folder = SOURCES / name
    done = subprocess.run(  # noqa: S603
        command,
        cwd=folder,
        env={**os.environ, "GOBIN": str(BUILT), "GOFLAGS": "-mod=mod"},
        capture_output=True,
        text=True,
        timeout=BUILD_WITHIN_S,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"{name} cannot be built: {done.stderr[-300:]}")
    return program


def listens(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Wait until somebody listens."""
    while True:
        assert process.poll() is None, "it ended"
        try:
            socket.create_connection(("127.0.0.1", port), 1.0).close()
        except OSError:
            continue
        return


@pytest.fixture
def litewitness(tmp_path: Path) -> Iterator[Peer]:
    """Run litewitness, its key in an ssh-agent, as it wants it."""
    program = built("litewitness", LITEWITNESS)
    if shutil.which("ssh-agent") is None:
        pytest.skip("needs ssh-agent (openssh-client)")
    agent, key, port = tmp_path / "agent", tmp_path / "id", free_port()
    holder = subprocess.Popen(["ssh-agent", "-D", "-a", str(agent)])  # noqa: S603, S607
    while not agent.exists():
        assert holder.poll() is None
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)]
    subprocess.run(command, check=True)  # noqa: S603
    environment = {**os.environ, "SSH_AUTH_SOCK": str(agent)}
    subprocess.run(["ssh-add", "-q", str(key)], check=True, env=environment)  # noqa: S603, S607
    blob = base64.b64decode(key.with_suffix(".pub").read_text().split()[1])
    fingerprint = base64.b64encode(sha256(blob).digest()).decode().rstrip("=")
    database = tmp_path / "lite.db"
    arguments = ["-name", "lite.example", "-db", str(database), "-ssh-agent"]
    arguments += [str(agent), "-key", f"SHA256:{fingerprint}"]
    arguments += ["-listen", f"127.0.0.1:{port}"]
    process = subprocess.Popen([str(program), *arguments])  # noqa: S603
    listens(port, process)
    _add_log(database)
    public = VerifierKey("lite.example", KeyKind.COSIGNATURE, blob[-32:])
    yield Peer(f"http://127.0.0.1:{port}", public)
    for one in (process, holder):
        one.terminate()
        one.wait()


def _add_log(database: Path) -> None:
    """Let litewitness know our log; its own tool for that needs a module not had."""
    db = sqlite3.connect(database, timeout=30.0)
    empty = base64.b64encode(EMPTY_ROOT).decode()
    db.execute("INSERT INTO log VALUES (?, 0, ?)", (ORIGIN, empty))
    db.execute("INSERT INTO key VALUES (?, ?)", (ORIGIN, SIGNER.key.text))
    db.commit()
    db.close()


@pytest.fixture
def transparency_dev(tmp_path: Path) -> Iterator[Peer]:
    """Run the witness of transparency-dev with our log alone."""
    program, port, seed = built("witness"), free_port(), b"\x05" * 32
    name = "tdev.example"
    plain = ed25519(name, KeyKind.ED25519, seed).key
    encoded = base64.b64encode(b"\x01" + seed).decode()
    key, logs = tmp_path / "key", tmp_path / "logs.yaml"
    key.write_text(f"PRIVATE+KEY+{name}+{plain.id.hex()}+{encoded}")
    logs.write_text(
        f"Logs:\n  - Origin: {ORIGIN}\n    URL: http://127.0.0.1:1/\n"
        f"    PublicKey: {SIGNER.key.text}\n    Feeder: none\n"
    )
    arguments = [str(key), str(logs), str(tmp_path / "db"), f"127.0.0.1:{port}"]
    process = subprocess.Popen(  # noqa: S603
        [str(program), *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    listens(port, process)
    yield Peer(f"http://127.0.0.1:{port}", ed25519(name, KeyKind.COSIGNATURE, seed).key)
    process.kill()
    process.wait()


def verify_by_go(folder: Path, *witnesses: VerifierKey) -> str:
    """Return what the verifier in Go says: size and root, or why not."""
    keys = [SIGNER.key.text, *(key.text for key in witnesses)]
    command = [str(built("verifier")), str(folder), *keys]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return (done.stdout + done.stderr).strip()


def test_go_and_we_agree_on_every_leaf_and_the_root(tmp_path: Path) -> None:
    plant = Plant(tmp_path)
    writer = plant.writer()
    for count in (1, 255, 700, 70_000):
        plant.write(count)
        point = plant.publish(writer).point

        assert verify_by_go(plant.folder.path) == f"{point.size} {point.root.hex()}"
    plant.close()


def test_go_finds_a_flipped_bit_too(tmp_path: Path) -> None:
    plant = Plant(tmp_path)
    plant.write(700)
    plant.publish(plant.writer())
    plant.close()
    for name in ("tile/0/001", "tile/entries/001", "checkpoint"):
        path = plant.folder.path / name
        raw = path.read_bytes()
        path.write_bytes(raw[:40] + bytes([raw[40] ^ 4]) + raw[41:])
        assert not verify_by_go(plant.folder.path).startswith("700 ")
        path.write_bytes(raw)
    assert verify_by_go(plant.folder.path).startswith("700 ")


async def _cosigned_and_held(tmp_path: Path, peer: Peer) -> None:
    policy = f"witness w {peer.key.text} {peer.url}\nquorum w\n"
    log = LiveLog(tmp_path, policy)
    for count in (1000, 200, 0):
        log.plant.write(count)
        await log.publisher.publish()

        note = log.plant.folder.checkpoint()
        assert note is not None, log.publisher.trouble
        assert len(verified(note, [SIGNER.key, peer.key])) == 2, (
            log.publisher.witnesses[0].why
        )
    size = 1200
    assert verify_by_go(log.plant.folder.path, peer.key).startswith("1200 ")
    await log.close()
    await _fork(tmp_path / "other", policy, size)


async def _fork(state: Path, policy: str, size: int) -> None:
    """Have the same witness asked to cosign another history, and an older one."""
    for count, said in ((size + 50, "status 4"), (size - 100, "more than there are")):
        folder = state / str(count)
        folder.mkdir(parents=True)
        other = LiveLog(folder, policy)
        other.plant.written = 7
        other.plant.write(count)
        await other.publisher.publish()
        assert said in other.publisher.witnesses[0].why
        assert other.publisher.enough is None
        await other.close()


@needs_time
@on_reactor
async def test_litewitness_cosigns_what_continues_and_no_fork(
    tmp_path: Path, litewitness: Peer
) -> None:
    await _cosigned_and_held(tmp_path, litewitness)


@needs_time
@on_reactor
async def test_the_witness_of_transparency_dev_cosigns_what_continues_and_no_fork(
    tmp_path: Path, transparency_dev: Peer
) -> None:
    await _cosigned_and_held(tmp_path, transparency_dev)
