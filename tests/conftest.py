"""Fixtures for every test."""

import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import pytest
from hypothesis import HealthCheck, settings
from twisted.internet.task import Clock
from twisted.logger import (
    ILogObserver,
    LogEvent,
    globalLogBeginner,
    globalLogPublisher,
)

# the same examples in every run, however busy the machine
settings.register_profile(
    "steady",
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("steady")

FlushFailures = Callable[[type[BaseException]], int]


def pytest_configure() -> None:
    """Let Twisted keep no log of the whole run, and so all that is named in it."""
    globalLogBeginner.beginLoggingTo([], discardBuffer=True, redirectStandardIO=False)


def pytest_collection_finish() -> None:
    """Make the many gc.collect() below cheap: imported code is never garbage."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="module")
def _frozen() -> Iterator[None]:
    """Keep them cheap: what a module leaves alive is no garbage of the next."""
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def short_path() -> Iterator[Path]:
    """Give a folder that leaves room for a folder and a Unix socket in it.

    The name of a socket has 107 bytes; tmp_path takes as many as it likes.
    """
    with TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder)


@pytest.fixture(autouse=True)
def flush_failures() -> Iterator[FlushFailures]:
    """Fail the test if a failure was logged that it did not flush by type.

    trial does this by itself. pytest-twisted does not: without this fixture a
    failed Deferred that nobody handled passes unseen.
    """
    events: list[LogEvent] = []
    flushed: list[type[BaseException]] = []

    def failures() -> list[BaseException]:
        gc.collect()  # a Deferred reports its unhandled failure when it is freed
        logged = [e["log_failure"].value for e in events if "log_failure" in e]
        return [f for f in logged if not isinstance(f, tuple(flushed))]

    def flush(kind: type[BaseException]) -> int:
        before = len(failures())
        flushed.append(kind)
        return before - len(failures())

    observer = cast("ILogObserver", events.append)
    globalLogPublisher.addObserver(observer)
    yield flush
    left = failures()
    globalLogPublisher.removeObserver(observer)
    events.clear()  # pytest holds `flush` past _frozen, and an event what it names
    assert not left, f"logged failures: {left!r}"
