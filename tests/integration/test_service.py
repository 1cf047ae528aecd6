"""`baseload run` under a service manager: this test is the manager."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import PATIENCE

CONFIG = """
[proxy]
state_dir = "state"
[[pools]]
name = "main"
url = "stratum+tcp://127.0.0.1:9"
user = "site"
password = { file = "$CREDENTIALS_DIRECTORY/pool.password" }
[[sites]]
name = "hall-a"
listen = ["systemd:domain=INET:name=hall-a"]
sources = ["main"]
[sites.extranonce]
layout = "4+4"
"""
SUBSCRIBE = b'{"id":1,"method":"mining.subscribe","params":[]}\n'


@pytest.mark.integration
def test_a_manager_hands_the_port_over_and_hears_how_it_goes(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(CONFIG)
    (tmp_path / "pool.password").write_text("word")
    with (
        socket.create_server(("127.0.0.1", 0)) as port,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager,
    ):
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(PATIENCE)
        process = start(tmp_path, port)

        assert wait_for(manager, "READY=1")
        with socket.create_connection(port.getsockname(), timeout=PATIENCE) as miner:
            miner.sendall(SUBSCRIBE)
            assert miner.recv(1)
        assert wait_for(manager, "WATCHDOG=1")
        process.send_signal(signal.SIGTERM)
        assert wait_for(manager, "STOPPING=1")
        assert process.wait(timeout=PATIENCE) == 0
        # the port is the manager's: who comes now waits for the next start
        socket.create_connection(port.getsockname(), timeout=5).close()


LAUNCH = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.executable, [sys.executable, "-m", "proxy.cli", "run", "-c", sys.argv[2]])
"""
"""As systemd does: the port is descriptor 3, and it is said whom it is for."""


def start(folder: Path, port: socket.socket) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "NOTIFY_SOCKET": str(folder / "notify"),
        "WATCHDOG_USEC": "400000",
        "CREDENTIALS_DIRECTORY": str(folder),
        "LISTEN_FDS": "1",
        "LISTEN_FDNAMES": "hall-a",
    }
    config = str(folder / "c.toml")
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", LAUNCH, str(port.fileno()), config],
        pass_fds=[port.fileno()],
        env=environment,
    )


def wait_for(manager: socket.socket, state: str) -> bool:
    """Return once the manager was told `state`; a timeout is an error."""
    while state not in manager.recv(4096).decode().splitlines():
        continue
    return True
