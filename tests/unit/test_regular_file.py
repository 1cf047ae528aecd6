"""What is no regular file is told of at once, wherever a file is named."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from proxy.downstream.sv2_keys import load_authority
from proxy.oversight.signing import seed_in
from proxy.regular_file import open_regular, read_regular
from proxy.runtime.tls import check_files, server_endpoint, verifying_context
from proxy.signals.mqtt_build import tls_context
from proxy.upstream.address import Trust
from proxy.verifier.disclosed import read_openings
from proxy.verifier.other_meter import read_other

EDGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "pool": (lambda path: Trust.of(None, path), "ca_file"),
    "broker": (tls_context, "ca_file"),
    "context": (verifying_context, ""),
    "authority key": (load_authority, ""),
    "log key": (lambda path: seed_in(path, None), ""),
    "openings": (read_openings, ""),
    "another meter": (read_other, ""),
} | {
    text: (lambda path, text=text: check_files(text.format(path)), key)
    for text, key in (
        ("ssl:0:privateKey={}", "privateKey"),
        ("ssl:0:{}", "privateKey"),
        ("ssl:0:/etc/passwd:{}", "certKey"),
        ("ssl:port=0:interface=\\:\\:1:extraCertChain={}", "extraCertChain"),
    )
}


@pytest.mark.parametrize("edge", EDGES)
def test_a_pipe_is_not_waited_for(edge: str, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    read, key = EDGES[edge]

    with pytest.raises(Exception, match=f"{key}.*not a regular file"):
        read(pipe)


def test_a_port_is_not_opened_by_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(ValueError, match=r"privateKey.*not a regular file"):
        server_endpoint(None, f"ssl:0:privateKey={tmp_path / 'pipe'}")


@pytest.mark.parametrize(
    ("name", "says"), [("/dev/zero", "not a regular file"), ("/dev", "Is a directory")]
)
def test_neither_a_device_nor_a_folder_is_opened(name: str, says: str) -> None:
    with pytest.raises(OSError, match=says):
        open_regular(Path(name))


def test_a_file_gives_one_byte_more_than_it_may_have(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("file")

    assert read_regular(tmp_path / "link", 5) == b"12345"
    assert read_regular(tmp_path / "file", 3) == b"1234"
