"""`baseload doctor` on a setup with thirteen faults: each is named."""

import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest

from protocol.units import UnixTime
from proxy.doctor.check import Finding
from proxy.power.journal.effects import Effects
from proxy.power.journal.store import open_store
from proxy.power.machines.rows import MachineRow
from proxy.shares.database import open_database
from tests.fakes.odd_pools import a_pool, a_v2_pool, answers, v2_answers
from tests.noise_peers import an_authority, an_identity

pytestmark = pytest.mark.integration

POOL = """
[[pools]]
name = "{name}"
url = "{url}"
user = "me"
"""
SITE = """
[[nodes]]
name = "core"
rpc = "http://127.0.0.1:1"
user = "u"
password = "p"

[[sites]]
name = "hall-a"
listen = ["tcp:{taken}:interface=127.0.0.1"]
sources = ["sound"]

[sites.power]
budget_w = 100000
fail_safe_w = 10000
meter = "modbus://127.0.0.1:1/1"

[[sites.fleet]]
addresses = "127.0.0.0/8"
model = "Antminer S21"
control = "pyasic"
"""
MACHINES = 300
FOR_EVER = (1 << 32) - 1

PLANTED = {
    "configuration": "is taken by another process",
    "pool unknown": "no address is known of 'pool.invalid'",
    "pool closed": "cannot be reached",
    "pool refuses": "refuses 'me'",
    "pool plain": "no certificate that is trusted",
    "pool narrow": "leaves 2 B",
    "pool web": "no Stratum",
    "pool v2": "refuses the channel: unknown-user",
    "node core": "",
    "meter of hall-a": "cannot be reached",
    "devices of hall-a, 127.0.0.0/8": "0 of 20 that were asked answer",
    "ledger": "damaged",
    "open files": "256 may be open",
}


def a_setup(folder: Path, stack: ExitStack) -> Path:
    ports = {
        "sound": stack.enter_context(a_pool(answers())),
        "refuses": stack.enter_context(a_pool(answers(takes=False))),
        "narrow": stack.enter_context(a_pool(answers(room=2))),
        "web": stack.enter_context(a_pool(b"HTTP/1.1 400 Bad Request\r\n\r\n")),
        "closed": 1,
    }
    urls = {name: f"stratum+tcp://127.0.0.1:{port}" for name, port in ports.items()}
    urls["plain"] = f"stratum+tls://localhost:{ports['web']}"
    urls["unknown"] = "stratum+tcp://pool.invalid:3333"
    v2 = v2_answers(refuses="channel")
    port = stack.enter_context(a_v2_pool(v2, an_identity(not_valid_after=FOR_EVER)))
    urls["v2"] = f"stratum2+tcp://127.0.0.1:{port}/{an_authority().key.text}"
    taken = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    pools = "".join(POOL.format(name=name, url=url) for name, url in urls.items())
    path = folder / "baseload.toml"
    path.write_text(pools + SITE.format(taken=taken.getsockname()[1]))
    _fill(folder / "state")
    return path


def _fill(state: Path) -> None:
    state.mkdir()
    open_database(state / "ledger.sqlite3", durability="process").close()
    with (state / "ledger.sqlite3").open("r+b") as stream:
        stream.seek(4096)
        stream.write(b"\xff" * 8000)
    store = open_store(state / "controller.sqlite3")
    addresses = [f"127.9.{n // 250}.{n % 250 + 1}" for n in range(MACHINES)]
    rows = [MachineRow(a, a, f"m.{a}", is_running=True) for a in addresses]
    store.write("hall-a", Effects(machines=rows), (), UnixTime(1.0))
    store.close()


def test_each_of_thirteen_faults_is_named(tmp_path: Path) -> None:
    with ExitStack() as stack:
        path = a_setup(tmp_path, stack)
        done = subprocess.run(  # noqa: S603  (our own program)
            [
                *(sys.executable, "-c", LIMITED),
                *("doctor", "-c", str(path), "--json", "--patience", "20"),
            ],
            capture_output=True,
            timeout=600,
            check=False,
        )

    assert done.returncode == 1, done.stderr
    answer = msgspec.json.decode(done.stdout, type=dict[str, list[Finding]])
    failed = {f.check: f for f in answer["findings"] if f.level == "fail"}
    assert set(failed) == set(PLANTED)
    for check, seen in PLANTED.items():
        assert seen in failed[check].seen, failed[check]
        assert failed[check].remedy
    sound = [f for f in answer["findings"] if f.check == "pool sound"]
    assert [f.level for f in sound] == ["ok"]


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
from proxy.cli.main import main
sys.exit(main(sys.argv[1:]))
"""
