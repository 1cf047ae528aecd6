"""`[proxy.transparency]`: what is wrong with it is said before a start."""

from pathlib import Path

import pytest

from protocol.tlog.note import KeyKind, VerifierKey
from proxy.config.load import read_config
from tests.oversight_vectors import vectors

LOG = vectors("note")["log"]["vkey"]
WITNESS = VerifierKey("w.example", KeyKind.COSIGNATURE, bytes(32)).text
BASE = """
[[pools]]
name = "main"
url = "stratum+tcp://127.0.0.1:1"
user = "x"
[[sites]]
name = "hall-a"
listen = ["tcp:0"]
sources = ["main"]
[proxy.transparency]
"""


def faults(tmp_path: Path, text: str) -> str:
    path = tmp_path / "c.toml"
    path.write_text(BASE + text)
    return "\n".join(str(fault) for fault in read_config(path).faults)


def test_a_log_needs_an_origin_alone(tmp_path: Path) -> None:
    assert not faults(tmp_path, 'origin = "plant.example/log/1"')


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "Missing required key `origin`"),
        ('origin = "plant.example/log"', "a name that ends in a number"),
        ('origin = "plant example/log/1"', "a name that ends in a number"),
        ('origin = "a/log/1"\nkey = "../log.key"', "the name of a file in state_dir"),
        ('origin = "a/log/1"\nkey = "agent:MD5:x"', "the name of a file in state_dir"),
        ('origin = "a/log/1"\nevery = 10', "every_s"),
        ('origin = "a/log/1"\nevery_s = 0', ">= 1"),
        ('origin = "a/log/1"\nevery_s = 600', "Expected more than every_s (600)"),
        ('origin = "a/log/1"\ntrust = "no.txt"', "no.txt: No such file"),
    ],
)
def test_what_is_wrong_is_said_with_its_key(
    tmp_path: Path, text: str, why: str
) -> None:
    found = faults(tmp_path, text)

    assert why in found
    assert "transparency" in found


@pytest.mark.parametrize(
    ("policy", "why"),
    [
        ("quorum W", "line 1: no witness or group W above"),
        (f"log {LOG}\nquorum none", "trusts other logs than this one"),
        (f"witness W {WITNESS} ftp://x/\nquorum W", "no http url"),
    ],
)
def test_a_trust_policy_that_does_not_fit_is_refused(
    tmp_path: Path, policy: str, why: str
) -> None:
    (tmp_path / "trust.txt").write_text(policy)

    assert why in faults(tmp_path, 'origin = "a/log/1"\ntrust = "trust.txt"')
