"""Blocks on disk: a file has its name once it is whole."""

import os
from pathlib import Path

import pytest

from protocol.bitcoin.hashes import sha256d
from protocol.bitcoin.header import HEADER_BYTES
from proxy.node.block_files import FoundBlock
from tests.fakes.disk import files_in

RAW = bytes(HEADER_BYTES) + b"transactions"
BLOCK = FoundBlock(sha256d(RAW[:HEADER_BYTES])[::-1].hex(), 7, RAW)


def test_a_block_is_read_as_it_was_written(tmp_path: Path) -> None:
    files_in(tmp_path).keep(BLOCK, RAW.hex())

    assert list(files_in(tmp_path).unanswered()) == [BLOCK]


def test_a_crash_while_it_is_written_leaves_no_block_that_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(_: int) -> None:
        raise OSError("the power is gone")

    monkeypatch.setattr(os, "fsync", crash)
    files_in(tmp_path).keep(BLOCK, RAW.hex())

    assert list(files_in(tmp_path).unanswered()) == []
