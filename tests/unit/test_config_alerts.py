"""`[[alerts]]`: each kind has its keys, and no others."""

from pathlib import Path

import pytest

from proxy.config.load import read_config

BASE = """
[[pools]]
name = "main"
url = "stratum+tcp://127.0.0.1:3333"
user = "a"
[[sites]]
name = "hall-a"
listen = ["tcp:3333"]
sources = ["main"]
"""

MAIL = """
[[alerts]]
kind = "smtp"
name = "mail"
host = "mx.example"
from = "proxy@x.example"
to = ["me@x.example"]
"""


def said(folder: Path, text: str) -> list[str]:
    path = folder / "baseload.toml"
    path.write_text(BASE + text)
    return [str(fault) for fault in read_config(path, {}).faults]


def test_mail_needs_a_server_a_sender_and_somebody(tmp_path: Path) -> None:
    assert said(tmp_path, MAIL) == []
    found = said(tmp_path, '[[alerts]]\nkind = "smtp"\nname = "mail"\n')
    for key in ("host", "from", "to"):
        assert any(f"$.alerts[0].{key}" in fault for fault in found), found


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ('[[alerts]]\nkind = "webhook"\nname = "a"\n', "needs url"),
        (MAIL + 'url = "http://x"\n', "Not of an alert of kind 'smtp'"),
        (MAIL + 'username = "me"\n', "belong together"),
        (MAIL + 'username = "me"\npassword = "x"\nstarttls = false\n', "without TLS"),
        (MAIL + 'sites = ["hall-b"]\n', "No site is called 'hall-b'"),
        (MAIL + MAIL, "two alerts are called 'mail'"),
        (MAIL + 'form = "x"\n', "from"),
        (MAIL.replace("proxy@x.example", "Proxy <p@x>"), "user@host"),
    ],
)
def test_what_is_wrong_is_said_at_its_key(
    tmp_path: Path, text: str, wrong: str
) -> None:
    assert any(wrong in fault for fault in said(tmp_path, text))
