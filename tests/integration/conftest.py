"""What every test with processes has: none of them outlives it."""

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from protocol.units import Seconds


@pytest.fixture(autouse=True)
def _no_process_is_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Kill what a test started and, because it failed, did not end."""
    started: list[subprocess.Popen[Any]] = []

    class Recorded(subprocess.Popen[Any]):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Recorded)
    yield
    for process in started:
        if process.poll() is None:
            with process:  # which waits for it and closes its pipes
                process.kill()


@pytest.fixture
def quick_dialling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have lost and refused pools dialled anew at once, not after up to a minute."""
    monkeypatch.setattr("proxy.upstream.backoff.MAX_BACKOFF", Seconds(0.2))
