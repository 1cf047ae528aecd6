"""Keys of a log: made once, read by their owner alone."""

from pathlib import Path

import pytest

from protocol.tlog.cosignature import verified
from protocol.tlog.note import KeyKind, Note
from proxy.oversight.signing import LogKeyError, ed25519, seed_in


def test_a_key_is_made_once(tmp_path: Path) -> None:
    path = tmp_path / "state" / "log.key"

    first = seed_in(path, lambda n: bytes(range(n)))

    assert first == bytes(range(32))
    assert seed_in(path, bytes) == first
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["", "AAAA", "?" * 44, "A" * 300])
def test_what_is_no_key_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "log.key"
    path.write_text(text)
    path.chmod(0o600)

    with pytest.raises(LogKeyError, match="holds no key"):
        seed_in(path, None)


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.key"
    seed_in(path, bytes)
    path.chmod(0o640)

    with pytest.raises(LogKeyError, match="mode 640, wanted 600"):
        seed_in(path, None)


def test_a_key_that_must_be_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(LogKeyError, match="is not there"):
        seed_in(tmp_path / "log.key", None)
    with pytest.raises(LogKeyError, match="directory"):
        seed_in(tmp_path, None)


@pytest.mark.parametrize("kind", [KeyKind.ED25519, KeyKind.COSIGNATURE])
def test_a_line_is_verified_with_its_key(kind: KeyKind) -> None:
    signer = ed25519("plant.example/log/1", kind, b"\x01" * 32)

    line = signer.line(b"plant.example/log/1\n", 1_796_000_000)

    (found,) = verified(Note(b"plant.example/log/1\n", (line,)), [signer.key])
    assert found.at == (None if kind is KeyKind.ED25519 else 1_796_000_000)
