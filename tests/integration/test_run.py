"""`baseload run` as a process: how it starts, how it ends, what it says."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from proxy.admin.client import call
from tests.support import PATIENCE

CONFIG = """
[proxy]
state_dir = "state"
[[pools]]
name = "main"
url = "{url}"
user = "site"
{pool}
[[sites]]
name = "hall-a"
listen = ["tcp:{port}:interface=127.0.0.1"]
sources = ["main"]
[sites.extranonce]
layout = "4+4"
"""


def write(folder: Path, port: int = 0, url: str = "", pool: str = "") -> Path:
    path = folder / "c.toml"
    nobody = "stratum+tcp://127.0.0.1:9"
    path.write_text(CONFIG.format(port=port, url=url or nobody, pool=pool))
    return path


def start(config: Path, *more: str, **how: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "proxy.cli", "run", "-c", str(config), *more],
        stderr=subprocess.PIPE,
        text=True,
        **how,
    )


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.integration
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(number: int, tmp_path: Path) -> None:
    process = start(write(tmp_path))
    admin = tmp_path / "state" / "admin.sock"
    deadline = time.monotonic() + PATIENCE
    while not admin.is_socket() and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.5)
    process.send_signal(number)
    _, said = process.communicate(timeout=PATIENCE)

    lines = [line for line in said.splitlines() if "pool main" not in line]
    assert process.returncode == 0
    assert not [line for line in lines if " info " not in line], said
    assert not admin.exists()
    assert not (tmp_path / "state" / "ledger.sqlite3-wal").exists()  # closed


@pytest.mark.integration
def test_the_dashboard_is_served_as_the_readme_has_it(tmp_path: Path) -> None:
    config = write(tmp_path)
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    web = f"""[proxy.web]
listen = "tcp:{port}:interface=127.0.0.1"
token = {{ file = "web.token" }}
"""
    config.write_text(config.read_text().replace("[[pools]]", web + "[[pools]]"))
    (tmp_path / "web.token").write_text("0123456789abcdef")
    checked = command("check-config", config)
    process = start(config)

    wait_until((tmp_path / "state" / "admin.sock").is_socket)
    (tmp_path / "web.token").unlink()  # whoever only looks need not have it
    shown = command("status", config)
    with urlopen(f"http://127.0.0.1:{port}/", timeout=PATIENCE) as page:
        served = page.read()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE)

    assert (checked.returncode, checked.stderr) == (0, "")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert b"Baseload" in served


def command(name: str, config: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        [sys.executable, "-m", "proxy.cli", name, "-c", str(config)],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.integration
def test_a_log_that_nobody_reads_holds_up_neither_work_nor_the_end(
    tmp_path: Path,
) -> None:
    config = write(tmp_path)
    read, full = os.pipe()
    os.set_blocking(full, False)
    with suppress(BlockingIOError):
        while True:
            os.write(full, b"x" * 4096)
    os.set_blocking(full, True)
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "proxy.cli", "run", "-c", str(config)], stderr=full
    )
    admin = tmp_path / "state" / "admin.sock"
    deadline = time.monotonic() + PATIENCE
    while not admin.is_socket() and time.monotonic() < deadline:
        time.sleep(0.02)
    status = call(admin, "status", {}, 60)
    process.send_signal(signal.SIGTERM)
    code = process.wait(PATIENCE)
    os.close(read)
    os.close(full)

    assert status["sites"][0]["name"] == "hall-a"
    assert code == 0


def refused(config: Path) -> str:
    process = start(config)
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    return said


@pytest.mark.integration
def test_a_ledger_that_is_none_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "ledger.sqlite3").write_text("something else" * 99)

    said = refused(write(tmp_path))

    assert said.startswith("baseload: ")
    assert said.count("\n") == 1
    assert "ledger.sqlite3" in said


@pytest.mark.integration
def test_authorities_that_are_none_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    tls = "stratum+tls://127.0.0.1:9"

    said = refused(write(tmp_path, url=tls, pool='ca_file = "ca.pem"'))

    assert said.startswith("baseload: ca_file ")
    assert said.count("\n") == 1


@pytest.mark.integration
def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        said = refused(write(tmp_path, port=taken.getsockname()[1]))

    assert "Address already in use" in said
    assert "Traceback" not in said


POWER = """
[sites.power]
budget_w = 100_000
fail_safe_w = 10_000
[[sites.fleet]]
workers = "*"
model = "Antminer S21"
"""


@pytest.mark.integration
def test_a_signal_to_all_its_processes_ends_them_in_order(tmp_path: Path) -> None:
    """systemd sends it to each, the site controller too, unless it is told not to."""
    config = write(tmp_path)
    config.write_text(config.read_text() + POWER)
    process = start(config, start_new_session=True)
    admin = tmp_path / "state" / "admin.sock"
    wait_until(admin.is_socket)
    wait_until(lambda: call(admin, "power.show", {})[0]["budget_w"] is not None)
    os.killpg(process.pid, signal.SIGTERM)
    _, said = process.communicate(timeout=PATIENCE)

    assert process.returncode == 0
    assert "Traceback" not in said
    assert not [x for x in said.splitlines() if " error " in x or " critical " in x]


@pytest.mark.integration
def test_the_log_s_file_is_rotated_by_whoever_likes(tmp_path: Path) -> None:
    config = write(tmp_path)
    config.write_text(
        config.read_text().replace("[proxy]", '[proxy]\nlog_file = "logs/b.log"')
    )
    path = tmp_path / "logs" / "b.log"
    path.parent.mkdir()
    process = start(config, "--json")
    wait_until(lambda: path.exists() and "is ready" in path.read_text())
    path.rename(tmp_path / "older.log")
    process.send_signal(signal.SIGUSR1)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=PATIENCE)
    lines = [json.loads(line) for line in path.read_text().splitlines()]

    assert (process.returncode, said) == (0, "")
    assert [line["text"] for line in lines if line["level"] == "info"] == [
        "baseload stops"
    ]


@pytest.mark.integration
def test_a_log_that_cannot_be_written_stops_the_start(tmp_path: Path) -> None:
    config = write(tmp_path)
    config.write_text(
        config.read_text().replace("[proxy]", '[proxy]\nlog_file = "logs/b.log"')
    )
    process = start(config)
    _, said = process.communicate(timeout=PATIENCE)

    assert process.returncode == 1
    assert said.endswith(
        "logs/b.log: No such file or directory - at `$.proxy.log_file`\n"
    )
    assert said.count("\n") == 1


@pytest.mark.integration
def test_a_hangup_reloads_what_no_terminal_started(tmp_path: Path) -> None:
    config, log = write(tmp_path), tmp_path / "b.log"
    settings = '[proxy]\nlog_file = "b.log"\n'
    text = config.read_text().replace("[proxy]\n", settings)
    config.write_text(text)
    process = start(config, start_new_session=True)
    wait_until(lambda: log.exists() and "is ready" in log.read_text())

    config.write_text(text.replace(settings, settings + 'log_level = "debug"\n'))
    process.send_signal(signal.SIGHUP)
    wait_until(lambda: "reloaded: $.proxy.log_level" in log.read_text())
    config.write_text(text.replace("stratum+tcp", "gopher"))
    process.send_signal(signal.SIGHUP)
    wait_until(lambda: "not reloaded: " in log.read_text())
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE)

    assert process.returncode == 0
