"""`baseload order`: documents are made, sent and looked at."""

import json
from pathlib import Path
from typing import Any

import pytest

from protocol.oversight.document import document_id, read_document, written
from proxy.admin.render_documents import document, documents
from proxy.cli.main import main
from tests.documents import POLICY, allow, limit, signed
from tests.unit.test_cli_power import OneAnswer

VIEW: dict[str, Any] = {
    "site": "hall-a", "budget_w": 2_000_000, "why": "limit 5ac99b4a by grid: works",
    "policies": [
        {"version": 1, "id": "0" * 64, "in_force_from": 0.0, "expires": 1.8e9,
         "default_w": 350_000, "envelope_w": 3_500_000,
         "parties": {"grid": ["grid-1"], "plant": ["plant-1"]}},
        {"version": 2, "id": "1" * 64, "in_force_from": 1.79e9, "expires": 1.8e9,
         "default_w": 0, "envelope_w": 3_500_000, "parties": {}},
    ],
    "standing": [
        {"id": "a" * 64, "kind": "limit", "said": "at most 2 MW.", "watts": 2_000_000,
         "not_before": 0, "expires": 9, "reason": "works", "by": ["grid"],
         "keys": ["grid-1"], "counts": True, "is_ruling": True},
        {"id": "b" * 64, "kind": "allow", "said": "up to 3 MW.", "watts": 3_000_000,
         "not_before": 0, "expires": 9, "reason": "", "by": ["plant", "host"],
         "keys": ["plant-1", "host-1"], "counts": False, "is_ruling": False},
    ],
    "waiting": [
        {"id": "c" * 64, "kind": "lift", "said": "these limits end.", "by": ["host"],
         "needs": ["plant"], "until": 1.79e9}
    ],
    "revoked": ["host-1"], "present": ["grid"], "raise_needs": 1, "unwritten": 1,
    "more": 3,
}  # fmt: skip


def _new(folder: Path, *options: str) -> bytes:
    path = folder / "o.json"
    assert main(["order", "new", "hall-a", *options, "-o", str(path)]) == 0
    return path.read_bytes()


def test_a_new_document_has_the_one_spelling_and_says_what_it_means(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--limit", "2M", "--for", "2h", "--reason", "feeder", "--under", "3")
    raw = _new(tmp_path, *options)
    made: Any = read_document(raw)
    said = capsys.readouterr().out

    assert (made.watts, made.policy, made.site) == (2_000_000, 3, "hall-a")
    assert made.expires - made.not_before == 7200
    assert "hall-a: at most 2 MW from" in said
    assert "(2 h). Reason: feeder." in said
    assert document_id(raw) in said
    assert "ssh-keygen -Y sign -n order@baseload" in said


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        (("--allow", "3M", "--for", "1d", "--in", "1h"), "allow"),
        (("--pause", "grid", "--watts", "1M", "--for", "2h"), "pause"),
        (("--revoke", "grid-1", "grid-2"), "revoke"),
        (("--lift", "0" * 64), "lift"),
    ],
)
def test_each_kind_can_be_made(
    tmp_path: Path, options: tuple[str, ...], kind: str
) -> None:
    raw = _new(tmp_path, *options, "--under", "1")
    assert json.loads(raw)["kind"] == kind


def test_a_policy_is_spelled_as_it_must_be(tmp_path: Path) -> None:
    draft = tmp_path / "draft.json"
    draft.write_text(json.dumps(json.loads(written(POLICY)), indent=4))
    assert _new(tmp_path, "--policy", str(draft)) == written(POLICY)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--limit", "2M", "--under", "1"), "for how long"),
        (("--pause", "grid", "--for", "1h", "--under", "1"), "at most how much"),
        (("--policy", "/nix"), "No such file"),
        (("--revoke", "a b", "--under", "1"), "no document"),
    ],
)
def test_what_cannot_be_made_says_why(
    tmp_path: Path,
    options: tuple[str, ...],
    why: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = str(tmp_path / "o.json")
    assert main(["order", "new", "hall-a", *options, "-o", path]) == 1
    assert why in capsys.readouterr().err


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    raw = _new(tmp_path, "--limit", "2M", "--for", "2h", "--under", "1")
    path = str(tmp_path / "o.json")
    again = ["--limit", "0", "--for", "2h", "--under", "1", "-o", path]
    assert main(["order", "new", "hall-a", *again]) == 1
    assert (tmp_path / "o.json").read_bytes() == raw


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        ({"status": 200, "reply": {"taken": True, "id": "x", "leaf": 7}}, 0, "leaf 7"),
        ({"status": 202, "reply": {"taken": False, "needs": ["plant"]}}, 1, "plant"),
        ({"status": 409, "reply": {"taken": False, "reason": "seen"}}, 1, "seen"),
    ],
)
def test_a_document_is_sent_with_its_signatures(
    tmp_path: Path,
    answer: dict[str, Any],
    code: int,
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    raw = allow()
    (tmp_path / "o.json").write_bytes(raw)
    (tmp_path / "o.sig").write_text(signed(raw, "host-1")[0].value)
    server = OneAnswer(tmp_path / "s", answer)
    by = f"host-1={tmp_path / 'o.sig'}"
    argv = ["order", "send", str(tmp_path / "o.json"), "--by", by]
    assert main([*argv, "-s", str(tmp_path / "s")]) == code
    server.close()

    assert said in capsys.readouterr().out
    assert server.asked["method"] == "power.document"
    params = server.asked["params"]
    assert params["site"] == "hall-a"
    assert params["envelope"]["document"] == raw.decode()
    assert params["envelope"]["signatures"][0]["key"] == "host-1"


def test_a_document_is_shown_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = limit()
    (tmp_path / "o.json").write_bytes(raw)
    assert main(["order", "show", str(tmp_path / "o.json")]) == 0
    assert "hall-a: at most 2 MW" in capsys.readouterr().out
    assert main(["order", "show", str(tmp_path / "o.json"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["id"] == document_id(raw)
    (tmp_path / "o.json").write_bytes(raw + b" ")
    assert main(["order", "show", str(tmp_path / "o.json")]) == 1


def test_what_holds_and_what_waits_is_listed() -> None:
    text = documents([VIEW])
    assert "hall-a: 2 MW, limit 5ac99b4a by grid: works" in text
    assert " >aaaaaaaaaaaa  grid: at most 2 MW." in text
    assert "(its signers count no more)" in text
    assert "needs plant" in text
    assert "policy 2 from" in text
    assert "revoked: host-1" in text
    assert documents([]) == "no site has a signal of kind signed\n"
    assert document({"reply": {"taken": True, "id": "x"}}) == "taken: x\n"
