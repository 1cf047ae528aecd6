"""A whole proxy and a utility's server over TLS: its own CA, and certificates that lie.

The server is the fake that is held to openleadr-vtn's recorded answers, which speaks no
TLS itself: utilities put it behind a gateway.
"""

import contextlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID
from typing_extensions import override

from tests.certificates import an_ec_key, self_signed, write_pem
from tests.fakes.vtn import KNOWN, FakeVtn
from tests.peers.site_process import BUDGET, FAIL_SAFE, SiteProcess, until

pytestmark = pytest.mark.integration

LEASE = 6

SIGNAL = """
kind = "openadr3"
name = "utility"
url = "https://localhost:{port}"
token_url = "https://localhost:{port}/auth/token"
program = "capacity"
ven_name = "hall-a"
client_id = "{client_id}"
client_secret = "{client_secret}"
poll_s = 1
lease_s = {lease}
ca_file = "{ca}"
"""


class Authority:
    """Who signs certificates of servers."""

    def __init__(self, folder: Path, name: str) -> None:
        self._key, self._folder = an_ec_key(), folder
        is_ca = (x509.BasicConstraints(ca=True, path_length=None), True)
        self._shown = self_signed(self._key, name, is_ca)
        self.file = folder / f"{name}.pem"
        write_pem(folder / f"{name}.key", self.file, self._key, self._shown)

    def sign(self, name: str, ends: datetime, host: str = "localhost") -> Path:
        """Return a file with a key and what this signs of it."""
        key = an_ec_key()
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        hosts: list[x509.GeneralName] = [x509.DNSName(host)]
        if host == "localhost":
            hosts.append(x509.IPAddress(ip_address("127.0.0.1")))
        shown = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._shown.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
            .not_valid_after(ends)
            .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        key_file, file = self._folder / f"{name}.key", self._folder / f"{name}.pem"
        write_pem(key_file, file, key, shown)
        whole = self._folder / f"{name}.whole"
        whole.write_bytes(key_file.read_bytes() + file.read_bytes())
        return whole


class Handler(BaseHTTPRequestHandler):
    """Hands requests to the fake server."""

    protocol_version = "HTTP/1.1"
    vtn: FakeVtn

    def _answer(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length) if length else None
        token = (self.headers.get("authorization") or "").removeprefix("Bearer ")
        status, said = self.vtn.answer(token, self.command, self.path, body)
        data = json.dumps(said).encode()
        self.send_response_only(status)
        self.send_header("date", formatdate(time.time(), usegmt=True))
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815

    @override
    def log_message(self, format: str, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    """Keeps who is connected."""

    daemon_threads = True

    def __init__(self, port: int, handler: type[Handler]) -> None:
        super().__init__(("127.0.0.1", port), handler)
        self.peers: list[socket.socket] = []

    @override
    def process_request(self, request: Any, client_address: Any) -> None:
        self.peers.append(request)
        super().process_request(request, client_address)

    def cut(self) -> None:
        for one in self.peers:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


class Gateway:
    """The server on one port, with one certificate after the other."""

    def __init__(self, shown: Path) -> None:
        self.vtn = FakeVtn(time.time)
        self.vtn.answer("utility", "POST", "/programs", b'{"programName":"capacity"}')
        self._start(shown, 0)

    def show(self, shown: Path) -> None:
        """Show another certificate from now on; who is connected is cut off."""
        self.close()
        self._start(shown, self.port)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._server.cut()

    def _start(self, shown: Path, port: int) -> None:
        handler = type("One", (Handler,), {"vtn": self.vtn, "timeout": 10})
        self._server = Server(port, handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(shown)
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()


FAR, PAST = datetime(2120, 1, 1, tzinfo=UTC), datetime(2021, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ours"), "utility-ca")


@pytest.fixture(scope="module")
def gateway(ours: Authority) -> Iterator[Gateway]:
    gateway = Gateway(ours.sign("good", FAR))
    yield gateway
    gateway.close()


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory, ours: Authority, gateway: Gateway
) -> Iterator[SiteProcess]:
    row = SIGNAL.format(
        port=gateway.port,
        client_id=KNOWN.client_id,
        client_secret=KNOWN.client_secret,
        lease=LEASE,
        ca=ours.file,
    )
    site = SiteProcess(tmp_path_factory.mktemp("site"), row)
    yield site
    site.close()


@pytest.mark.parametrize("lie", ["another_ca", "expired", "another_name"])
def test_a_certificate_that_does_not_hold_is_silence_and_never_a_word(
    site: SiteProcess, gateway: Gateway, ours: Authority, lie: str, tmp_path: Path
) -> None:
    until(lambda: site.watts == BUDGET)
    shown = {
        "another_ca": lambda: Authority(tmp_path, "utility-ca").sign("x", FAR),
        "expired": lambda: ours.sign("expired", PAST),
        "another_name": lambda: ours.sign("other", FAR, "other.example"),
    }[lie]()

    gateway.show(shown)
    began = time.monotonic()
    took = site.lapses(began, BUDGET)

    assert LEASE - 2 < took < LEASE + 4
    says = site.shown["signals"][0]["says"]
    assert "cannot be asked" in says
    assert "certificate" in says or "ERR" in says or "name" in says.lower(), says
    assert site.watts == FAIL_SAFE
    gateway.show(ours.sign("again", FAR))
    until(lambda: site.watts == BUDGET)


def test_an_authority_that_cannot_be_read_is_a_fault_of_the_configuration(
    tmp_path: Path,
) -> None:
    from proxy.config import load_config  # noqa: PLC0415
    from proxy.supervisor.service import power_faults  # noqa: PLC0415

    told = {"client_id": "a", "client_secret": "b", "lease": 6, "port": 1}
    head = (
        '[[pools]]\nname = "m"\nurl = "stratum+tcp://127.0.0.1:1"\nuser = "u"\n'
        '[[sites]]\nname = "hall-a"\nlisten = ["tcp:1"]\nsources = ["m"]\n'
        "[sites.power]\nbudget_w = 10\nfail_safe_w = 1\n[[sites.power.signals]]\n"
    )
    path = tmp_path / "c.toml"
    for ca in ("none.pem", "c.toml"):
        path.write_text(head + SIGNAL.format(**told, ca=ca))

        (fault,) = power_faults(load_config(path))

        assert f"ca_file {tmp_path}/{ca}" in fault
        assert "signals[0]" in fault
