import errno
import io
import json
import os
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.cli.init import NOBODYS, text_of
from proxy.cli.main import main
from proxy.config.load import load_config

POOL = ["--source", "stratum+tcp://127.0.0.1:3399", "--user", "acc.a"]


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    type_in(monkeypatch, "")
    return tmp_path / "baseload.toml"


def type_in(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_five_answers_make_a_configuration_that_is_good(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    type_in(monkeypatch, 'stratum+tcp://127.0.0.1:3399\nacc"a\nsecret\n0\nhall-b\n')

    assert main(["init", str(path)]) == 0
    config = load_config(path)
    assert (config.pools[0].user, config.pools[0].password) == ('acc"a', "secret")
    assert (config.sites[0].name, config.sites[0].listen) == ("hall-b", ("tcp:0",))
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]
    asked = capsys.readouterr().err
    assert asked.count("?") == 5
    assert main(["check-config", "-c", str(path)]) == 0


def test_options_answer_and_what_has_a_default_is_not_needed(path: Path) -> None:
    assert main(["init", str(path), *POOL, "--port", "0"]) == 0
    assert load_config(path).sites[0].name == "hall-a"


def test_a_node_is_a_source_that_pays_to_an_address(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    node = ["--source", "http://127.0.0.1:18443", "--user", NOBODYS, "--port", "0"]
    cookie = path.parent / "cookie"

    assert main(["init", str(path), *node, "--secret", str(cookie), "--json"]) == 0
    (node_config,) = load_config(path).nodes
    assert (node_config.payout_address, node_config.cookie_file) == (NOBODYS, cookie)
    (warning,) = json.loads(capsys.readouterr().out)["warnings"]
    assert "$.nodes[0].cookie_file" in warning


def test_a_file_that_is_there_is_left_as_it_is(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path.write_text("mine")

    assert main(["init", str(path), *POOL]) == 1
    assert path.read_text() == "mine"
    assert "is there already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["--source", "foo://x"], "stratum+tcp://"),
        (["--port", "99999"], "0 to 65535"),
        (["--site", ""], "$.sites[0].name"),
        (["--source", "http://h:1", "--user", "no-address"], "no-address"),
    ],
)
def test_an_option_that_is_no_good_is_named_and_nothing_is_left(
    wrong: list[str], said: str, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", str(path), *POOL, "--port", "0", *wrong]) == 1
    err = capsys.readouterr().err
    assert said in err
    assert "Traceback" not in err
    assert list(path.parent.iterdir()) == []


def test_an_answer_that_is_no_good_is_asked_for_again_but_not_for_ever(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    type_in(monkeypatch, "x\ny\nstratum+tcp://127.0.0.1:1\nacc\n")
    assert main(["init", str(path), "--port", "0"]) == 0
    path.unlink()
    type_in(monkeypatch, "x\ny\nz\nstratum+tcp://127.0.0.1:1\nacc\n")
    assert main(["init", str(path), "--port", "0"]) == 1
    assert "nothing was written (--source sets it)" in capsys.readouterr().err


@pytest.mark.parametrize("typed", ["", "stratum+tcp://127.0.0.1:3399\n"])
def test_the_end_of_the_answers_leaves_nothing(
    typed: str,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    type_in(monkeypatch, typed)

    assert main(["init", str(path)]) == 1
    assert "no answer; nothing was written" in capsys.readouterr().err
    assert list(path.parent.iterdir()) == []


def test_an_answer_that_is_no_text_is_said(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = io.BytesIO(b"stratum+tcp://127.0.0.1:1\nM\xfcller\n")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(typed, encoding="utf-8"))
    assert main(["init", str(path)]) == 1
    assert "is not UTF-8" in capsys.readouterr().err

    assert main(["init", str(path), *POOL[:2], "--user", "M\udcfcller"]) == 1
    assert "--user: it is not UTF-8" in capsys.readouterr().err
    assert list(path.parent.iterdir()) == []


def no_links(monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)


def test_where_files_have_no_second_name_it_is_written_all_the_same(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_links(monkeypatch)

    assert main(["init", str(path), *POOL, "--port", "0"]) == 0
    assert load_config(path).sites[0].name == "hall-a"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_where_it_cannot_be_written_whole_nothing_is_left(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    no_links(monkeypatch)
    synced: list[int] = []

    def fsync(handle: int) -> None:
        synced.append(handle)
        if len(synced) > 1:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)

    assert main(["init", str(path), *POOL, "--port", "0"]) == 1
    assert "No space left" in capsys.readouterr().err
    assert list(path.parent.iterdir()) == []


def test_ctrl_c_leaves_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted:
        def readline(self) -> str:
            raise KeyboardInterrupt

    monkeypatch.setattr("sys.stdin", Interrupted())

    assert main(["init", str(path)]) == 130
    assert list(path.parent.iterdir()) == []


def test_a_folder_that_is_not_there_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", str(tmp_path / "no" / "c.toml"), *POOL]) == 1
    assert "there is no folder" in capsys.readouterr().err


@given(st.text(min_size=1).filter(lambda text: text.isprintable()))
def test_any_answer_stands_in_the_file_as_it_was_given(text: str) -> None:
    answers = {"source": "stratum+tcp://h:1", "port": "1", "site": "a"}
    written = text_of({**answers, "user": text, "secret": text})

    pool = tomllib.loads(written)["pools"][0]
    assert (pool["user"], pool["password"]) == (text, text)
