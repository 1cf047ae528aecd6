"""A browser, and a hall for it to look at."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from tests.browser.looking import ROOT, Hall, until

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="no playwright: pip install 'baseload[browser]'"
)
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
AXE = ROOT / "tools" / "vendor" / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no chromium: apt install chromium")
    arguments = ["--enable-precise-memory-info"]
    if os.getuid() == 0:
        arguments.append("--no-sandbox")  # which chromium refuses to root
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield found
        found.close()


@pytest.fixture(scope="session")
def axe() -> str:
    if not AXE.exists():
        pytest.skip("no axe-core: npm ci --prefix tools/vendor")
    return AXE.read_text()


def free_port() -> int:
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def _is_up(url: str) -> bool:
    try:
        with urlopen(url, timeout=5):  # noqa: S310  (ours)
            return True
    except URLError:
        return False


@pytest.fixture
def hall_of(tmp_path: Path) -> Iterator[Callable[..., Hall]]:
    """Starts halls of so many machines; another at the port of one that ended."""
    begun: list[subprocess.Popen[bytes]] = []

    def start(machines: int, port: int = 0, kind: str = "plain") -> Hall:
        port = port or free_port()
        words = [sys.executable, "-m", "tests.browser.hall_server"]
        process = subprocess.Popen(  # noqa: S603
            [*words, str(port), str(machines), kind], cwd=ROOT
        )
        begun.append(process)
        hall = Hall(f"http://127.0.0.1:{port}", port, process)
        until(lambda: _is_up(hall.url))
        return hall

    yield start
    for process in begun:
        process.kill()
        process.wait()
