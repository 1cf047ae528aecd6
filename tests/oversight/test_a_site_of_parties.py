"""A whole site whose power parties hold, driven by its commands and real keys.

`baseload run` in a process of its own, keys by ssh-keygen, minisign; kill -9 between:
what was taken is there after it, and nobody raises alone.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(
    not (shutil.which("ssh-keygen") and shutil.which("minisign")),
    reason="needs ssh-keygen (openssh-client) and minisign",
)

PATIENCE_S = 90.0
ROLES = ("plant", "grid", "host", "emergency")
RAISES = [{"n": 1, "of": ["plant"]}, {"n": 2, "of": ["plant", "grid", "host"]}]
RULES = {
    "limit": [{"n": 1, "of": ROLES}],
    "allow": RAISES,
    "lift": RAISES,
    "pause": [{"n": 2, "of": ROLES[:3]}],
    "revoke": [{"n": 2, "of": ROLES}],
    "policy": [{"n": 3, "of": ROLES}],
}
SITE = """
[proxy]
name = "unit-1"
state_dir = "state"
admin = "unix:admin.sock"
[[pools]]
name = "main"
url = "stratum+tcp://127.0.0.1:{ports[0]}"
user = "a"
[[sites]]
name = "hall-a"
listen = ["tcp:{ports[1]}:interface=127.0.0.1"]
sources = ["main"]
[sites.power]
budget_w = 60000
fail_safe_w = 5000
[[sites.power.signals]]
kind = "signed"
policy = "policy-1.json"
policy_id = "{policy}"
listen = "tcp:{ports[2]}:interface=127.0.0.1"
[[sites.fleet]]
workers = "*"
model = "Antminer S21"
"""


def _run(*argv: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603  (of ours)
        argv, check=False, capture_output=True, text=True, timeout=PATIENCE_S
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Site:
    """A site, its parties, and the process that runs it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = [_free_port() for _ in range(3)]
        self._made = 0
        self._process: subprocess.Popen[bytes] | None = None
        for role in ROLES[:3]:
            key = folder / role
            _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", key)
        secret = folder / "emergency"
        _run("minisign", "-G", "-W", "-p", f"{secret}.pub", "-s", secret)
        draft = folder / "draft.json"
        draft.write_text(json.dumps(self._policy()))
        policy = folder / "policy-1.json"
        self.order("new", "hall-a", "--policy", draft, "-o", policy)
        found = sha256(policy.read_bytes()).hexdigest()
        text = SITE.format(ports=self.ports, policy=found)
        (folder / "site.toml").write_text(text)

    def _policy(self) -> dict[str, Any]:
        keys = {}
        for role in ROLES:
            text = (self.folder / f"{role}.pub").read_text().strip()
            kind = "minisign" if role == "emergency" else "sshsig"
            public = text.split("\n")[-1]
            keys[f"{role}-1"] = {"kind": kind, "public": public, "role": role}
        return {
            "kind": "policy",
            "v": 1,
            "site": "hall-a",
            "version": 1,
            "expires": int(time.time()) + 86_400,
            "delay_s": 60,
            "envelope_w": 60_000,
            "default_w": 10_000,
            "max_order_s": 86_400,
            "max_age_s": 3600,
            "max_pause_s": 604_800,
            "skew_s": 60,
            "keys": keys,
            "rules": RULES,
        }

    def baseload(self, *words: str | Path) -> "subprocess.CompletedProcess[str]":
        return _run(sys.executable, "-m", "proxy.cli", *words)

    def order(self, *words: str | Path) -> str:
        done = self.baseload("order", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self) -> None:
        argv = (sys.executable, "-m", "proxy.cli", "run", "-c")
        with (self.folder / "run.log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  (of ours)
                (*argv, self.folder / "site.toml"),
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + PATIENCE_S
        while True:
            done = self.baseload("order", "pending", *self.where)
            if done.returncode == 0:
                return
            assert time.monotonic() < deadline, (self.folder / "run.log").read_text()
            time.sleep(0.5)

    def kill(self) -> None:
        """End it and its controller at once, as a power cut would."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def close(self) -> None:
        if self._process is not None:
            self.kill()

    @property
    def where(self) -> tuple[str, str]:
        return "-c", str(self.folder / "site.toml")

    def say(self, *options: str) -> Path:
        """Return a new document."""
        self._made += 1
        path = self.folder / f"o{self._made}.json"
        self.order("new", "hall-a", *options, *self.where, "-o", path)
        return path

    def send(self, document: Path, *roles: str, by_http: bool = False) -> Any:
        """Have parties sign a document with their tools, and send it."""
        words: list[str | Path] = []
        for role in roles:
            made, key = document.with_suffix(f".{role}"), self.folder / role
            if role == "emergency":
                _run("minisign", "-S", "-H", "-s", key, "-m", document, "-x", made)
            else:
                namespace = ("-n", "order@baseload")
                _run("ssh-keygen", "-q", "-Y", "sign", *namespace, "-f", key, document)
                Path(f"{document}.sig").rename(made)
            words += ["--by", f"{role}-1={made}"]
        to = ("--to", f"http://127.0.0.1:{self.ports[2]}") if by_http else self.where
        done = self.baseload("order", "send", document, *words, *to, "--json")
        return json.loads(done.stdout)

    @property
    def view(self) -> Any:
        done = self.baseload("order", "pending", *self.where, "--json")
        return json.loads(done.stdout)[0]

    def ruled_at(self, watts: float) -> str:
        """Wait until the site has this budget; return what rules it."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            done = self.baseload("power", "show", *self.where, "--json")
            found = json.loads(done.stdout or "[]") if not done.returncode else []
            if found and found[0]["budget_w"] == watts:
                return str(found[0]["ruled_by"])
            assert time.monotonic() < deadline, found
            time.sleep(0.5)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    made.start()
    yield made
    made.close()


def test_nobody_raises_alone_and_what_was_taken_outlives_kill_9(site: Site) -> None:
    assert "no allow holds" in site.ruled_at(10_000)
    more = site.say("--allow", "50k", "--for", "2h", "--reason", "evening")
    waits = site.send(more, "host", by_http=True)
    assert (waits["status"], waits["reply"]["needs"]) == (202, ["plant"])
    assert site.view["budget_w"] == 10_000
    site.kill()
    site.start()
    assert site.send(more, "plant", by_http=True)["status"] == 200
    assert "by host, plant: evening" in site.ruled_at(50_000)

    off = site.say("--limit", "0", "--for", "1h", "--reason", "fire")
    assert site.send(off, "emergency")["status"] == 200
    assert "by emergency: fire" in site.ruled_at(0)
    site.kill()
    site.start()
    assert "by emergency: fire" in site.ruled_at(0)
    again = site.send(off, "emergency")
    assert (again["status"], again["reply"]["reason"]) == (409, "seen before")

    limit = next(d["id"] for d in site.view["standing"] if d["kind"] == "limit")
    lift = site.say("--lift", limit[:12], "--reason", "fire out")
    assert site.send(lift, "host")["status"] == 202
    assert site.send(lift, "plant")["status"] == 200
    site.ruled_at(50_000)
    gone = site.say("--revoke", "host-1", "--reason", "stolen")
    assert site.send(gone, "plant", "grid")["status"] == 200
    site.ruled_at(10_000)
