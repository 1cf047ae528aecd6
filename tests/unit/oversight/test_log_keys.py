"""A log is signed by a key of a file, of an agent, and by one for after quanta."""

import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from protocol.sign.ssh_wire import ssh_string
from protocol.tlog.checkpoint import Checkpoint
from protocol.tlog.cosignature import verified
from protocol.tlog.note import KeyKind, Note
from proxy.config.transparency import TransparencyConfig
from proxy.oversight.agent import SOCKET, agent_signer
from proxy.oversight.keys import signers_of
from proxy.oversight.signing import LogKeyError

ORIGIN = "plant.example/log/1"
POINT = Checkpoint(ORIGIN, 3, bytes(32))


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Run a real ssh-agent with one key; return its fingerprint."""
    where, key = tmp_path / "agent", tmp_path / "id"
    run = subprocess.Popen(["ssh-agent", "-D", "-a", str(where)])  # noqa: S603, S607
    while not where.exists():
        assert run.poll() is None
    monkeypatch.setenv(SOCKET, str(where))
    for kind, file in (("ecdsa", tmp_path / "other"), ("ed25519", key)):
        command = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", str(file)]
        subprocess.run(command, check=True)  # noqa: S603
        subprocess.run(["ssh-add", "-q", str(file)], check=True)  # noqa: S603, S607
    shown = subprocess.run(  # noqa: S603
        ["ssh-keygen", "-lf", str(key)],  # noqa: S607
        check=True,
        capture_output=True,
        text=True,
    )
    yield shown.stdout.split()[1]
    run.terminate()
    run.wait()


def check(settings: TransparencyConfig, state: Path) -> list[KeyKind]:
    """Return the kinds of keys whose lines verify."""
    signers = signers_of(settings, state)
    lines = tuple(signer.line(POINT.text, 1_796_000_000) for signer in signers)
    found = verified(Note(POINT.text, lines), [signer.key for signer in signers])
    assert len(found) == len(signers)
    return [one.key.kind for one in found]


def test_a_log_has_two_keys_where_it_shall_be_safe_from_quantum_computers(
    tmp_path: Path,
) -> None:
    pytest.importorskip("cryptography.hazmat.primitives.asymmetric.mldsa")
    settings = TransparencyConfig(origin=ORIGIN, algorithm="ed25519+mldsa44")

    kinds = check(settings, tmp_path)

    assert kinds == [KeyKind.ED25519, KeyKind.MLDSA44]
    again = [s.key for s in signers_of(settings, tmp_path)]
    assert again == [s.key for s in signers_of(settings, tmp_path)]


@pytest.mark.skipif(
    not Path("/usr/bin/ssh-agent").exists(), reason="there is no ssh-agent"
)
def test_a_log_is_signed_by_an_agent(agent: str, tmp_path: Path) -> None:
    settings = TransparencyConfig(origin=ORIGIN, key=f"agent:{agent}")

    assert check(settings, tmp_path) == [KeyKind.ED25519]
    assert list(tmp_path.glob("*.key")) == []


@pytest.mark.skipif(
    not Path("/usr/bin/ssh-agent").exists(), reason="there is no ssh-agent"
)
def test_a_key_that_the_agent_has_not_or_of_another_kind_is_refused(
    agent: str, tmp_path: Path
) -> None:
    with pytest.raises(LogKeyError, match="has no key SHA256:x"):
        agent_signer(ORIGIN, "SHA256:x")
    shown = subprocess.run(
        ["ssh-add", "-l"],  # noqa: S607
        check=True,
        capture_output=True,
        text=True,
    )
    other = next(x.split()[1] for x in shown.stdout.splitlines() if agent not in x)
    with pytest.raises(LogKeyError, match="is no Ed25519 key"):
        agent_signer(ORIGIN, other)


def test_no_agent_is_an_error_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SOCKET, raising=False)
    with pytest.raises(LogKeyError, match="the environment has no SSH_AUTH_SOCK"):
        agent_signer(ORIGIN, "SHA256:x")
    monkeypatch.setenv(SOCKET, "/no/such/socket")
    with pytest.raises(LogKeyError, match="No such file"):
        agent_signer(ORIGIN, "SHA256:x")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"", "hung up"),
        (ssh_string(b""), "answered with 0 B"),
        (b"\xff\xff\xff\xff", "answered with 4294967295 B"),
        (ssh_string(b"\x05"), "refused"),
        (ssh_string(b"\x0c\x00\x00\x00\x01"), "answered with no keys"),
        (ssh_string(b"\x0c\xff\xff\xff\xff"), "answered with no keys"),
    ],
)
def test_an_agent_that_answers_nonsense_is_an_error(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer: bytes,
    why: str,
) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "a"))
        listening.listen()
        monkeypatch.setenv(SOCKET, str(tmp_path / "a"))

        def serve() -> None:
            peer, _ = listening.accept()
            with peer:
                peer.recv(4096)
                peer.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(LogKeyError, match=why):
            agent_signer(ORIGIN, "SHA256:x")
        thread.join()
