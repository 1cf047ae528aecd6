"""Run a coroutine test on the asyncio reactor, in a process of its own.

The other tests run on Twisted's default reactor, and a process has but one.
"""

import asyncio
import importlib.util
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.testing import EventLoggingObserver
from twisted.logger import globalLogPublisher

from tests.support import PATIENCE

ROOT = Path(__file__).parent.parent
Scenario = Callable[[Any, asyncio.AbstractEventLoop], Coroutine[Any, Any, None]]


def on_asyncio(scenario: Scenario) -> Callable[[], None]:
    """Make a test of `scenario(reactor, loop)`."""
    name, file = scenario.__name__, scenario.__code__.co_filename

    def test() -> None:
        run = subprocess.run(  # noqa: S603
            [sys.executable, "-m", "tests.on_asyncio", file, name],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-6000:]

    test.__name__ = name
    test.scenario = scenario  # type: ignore[attr-defined]
    return test


def main(file: str, name: str) -> None:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    from twisted.internet import asyncioreactor  # noqa: PLC0415

    asyncioreactor.install(loop)
    from twisted.internet.task import react  # noqa: PLC0415

    events = EventLoggingObserver()
    globalLogPublisher.addObserver(events)
    scenario = _load(Path(file), name)

    async def run(reactor: Any) -> None:
        test = Deferred.fromCoroutine(scenario(reactor, loop))
        await test.addTimeout(PATIENCE, reactor)
        failures = [e["log_failure"] for e in events if "log_failure" in e]
        assert not failures, failures

    react(lambda reactor: Deferred.fromCoroutine(run(reactor)))


def _load(file: Path, name: str) -> Scenario:
    spec = importlib.util.spec_from_file_location("scenario", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["scenario"] = module
    spec.loader.exec_module(module)
    scenario: Scenario = getattr(module, name).scenario
    return scenario


if __name__ == "__main__":
    main(*sys.argv[1:])
