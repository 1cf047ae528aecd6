"""Documents signed by OpenSSH and minisign, and ours read by them.

Needs ssh-keygen and minisign; tokens are OpenSSH's own sk-dummy of Debian's package
openssh-tests. What is missing is skipped, with its name.
"""

import shutil
import subprocess
from base64 import b64encode
from hashlib import blake2b
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocol.sign.errors import SignatureError
from protocol.sign.minisign import MinisignKey
from protocol.sign.ssh_key import SshPublicKey
from protocol.sign.sshsig import verify_sshsig
from tests.signatures import NAMESPACE, TokenKey

_TOKEN = Path("/usr/lib/openssh/regress/misc/sk-dummy/sk-dummy.so")
_DOCUMENT = b'{"kind":"limit"}\n'

needs_openssh = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None, reason="needs ssh-keygen (openssh-client)"
)
needs_token = pytest.mark.skipif(
    not _TOKEN.exists(), reason="needs sk-dummy.so (openssh-tests)"
)
needs_minisign = pytest.mark.skipif(
    shutil.which("minisign") is None, reason="needs minisign"
)


def _run(*argv: str | Path, given: bytes = b"") -> None:
    done = subprocess.run(  # noqa: S603  (of ours)
        argv, check=False, input=given, capture_output=True, timeout=60
    )
    assert done.returncode == 0, (argv, done.stdout, done.stderr)


def _ssh_signed(folder: Path, *new: str | Path) -> tuple[SshPublicKey, str]:
    """Make a key and have it sign the document; return its public half and that."""
    secret, document = folder / "key", folder / "o.json"
    document.write_bytes(_DOCUMENT)
    _run("ssh-keygen", "-q", "-N", "", "-C", "", "-f", secret, *new)
    provider = ("-w", _TOKEN) if "-w" in new else ()
    _run(
        *("ssh-keygen", "-Y", "sign", "-n", NAMESPACE.decode(), "-f", secret),
        *(*provider, document),
    )
    public = (folder / "key.pub").read_text().strip()
    return SshPublicKey.from_text(public), (folder / "o.json.sig").read_text()


@needs_openssh
@pytest.mark.parametrize("kind", [("ed25519",), ("ecdsa", "-b", "256")])
def test_what_ssh_keygen_signs_is_read(tmp_path: Path, kind: tuple[str, ...]) -> None:
    key, signature = _ssh_signed(tmp_path, "-t", *kind)

    verify_sshsig(signature, _DOCUMENT, key, NAMESPACE)
    with pytest.raises(SignatureError):
        verify_sshsig(signature, _DOCUMENT + b" ", key, NAMESPACE)


@needs_openssh
@needs_token
@pytest.mark.parametrize("kind", ["ed25519-sk", "ecdsa-sk"])
def test_what_a_token_signs_is_read(tmp_path: Path, kind: str) -> None:
    key, signature = _ssh_signed(tmp_path, "-t", kind, "-w", _TOKEN)

    verify_sshsig(signature, _DOCUMENT, key, NAMESPACE)
    with pytest.raises(SignatureError):
        verify_sshsig(signature, _DOCUMENT + b" ", key, NAMESPACE)


@needs_openssh
@needs_token
def test_a_token_that_wants_no_touch_is_refused(tmp_path: Path) -> None:
    quiet = ("-t", "ed25519-sk", "-O", "no-touch-required", "-w", _TOKEN)
    key, signature = _ssh_signed(tmp_path, *quiet)

    with pytest.raises(SignatureError, match="not touched"):
        verify_sshsig(signature, _DOCUMENT, key, NAMESPACE)


@needs_openssh
def test_ssh_keygen_reads_what_our_tests_sign(tmp_path: Path) -> None:
    token = TokenKey()
    allowed, signature = tmp_path / "allowed", tmp_path / "o.sig"
    allowed.write_text(f"plant {token.public}\n")
    signature.write_text(token.sign(_DOCUMENT, 1))

    _run(
        *("ssh-keygen", "-Y", "verify", "-n", NAMESPACE.decode(), "-I", "plant"),
        *("-f", allowed, "-s", signature),
        given=_DOCUMENT,
    )


@needs_minisign
def test_what_minisign_signs_is_read(tmp_path: Path) -> None:
    document, public = tmp_path / "o.json", tmp_path / "k.pub"
    document.write_bytes(_DOCUMENT)
    _run("minisign", "-G", "-W", "-p", public, "-s", tmp_path / "k")
    _run(
        "minisign",
        "-S",
        "-H",
        "-m",
        document,
        "-s",
        tmp_path / "k",
        "-t",
        "a lim\u00eft",
    )

    key = MinisignKey.from_text(public.read_text().split("\n")[1])
    signature = (tmp_path / "o.json.minisig").read_text()
    key.verify(signature, _DOCUMENT)
    with pytest.raises(SignatureError):
        key.verify(signature, _DOCUMENT + b" ")


@needs_minisign
def test_minisign_s_signatures_over_the_file_itself_are_refused(tmp_path: Path) -> None:
    document, public = tmp_path / "o.json", tmp_path / "k.pub"
    document.write_bytes(_DOCUMENT)
    _run("minisign", "-G", "-W", "-p", public, "-s", tmp_path / "k")
    _run("minisign", "-S", "-l", "-m", document, "-s", tmp_path / "k")

    key = MinisignKey.from_text(public.read_text().split("\n")[1])
    with pytest.raises(SignatureError, match="hash"):
        key.verify((tmp_path / "o.json.minisig").read_text(), _DOCUMENT)


@needs_minisign
def test_minisign_reads_what_our_tests_sign(tmp_path: Path) -> None:
    secret, number = Ed25519PrivateKey.from_private_bytes(bytes(32)), bytes(8)
    made = secret.sign(blake2b(_DOCUMENT).digest())
    lines = [
        "untrusted comment: ours",
        b64encode(b"ED" + number + made).decode(),
        "trusted comment: ours",
        b64encode(secret.sign(made + b"ours")).decode(),
    ]
    document, signature = tmp_path / "o.json", tmp_path / "o.minisig"
    document.write_bytes(_DOCUMENT)
    signature.write_text("\n".join([*lines, ""]))
    public = b"Ed" + number + secret.public_key().public_bytes_raw()

    key = MinisignKey.from_text(b64encode(public).decode())
    key.verify(signature.read_text(), _DOCUMENT)
    _run(
        *("minisign", "-V", "-m", document, "-x", signature),
        *("-P", b64encode(public).decode()),
    )
