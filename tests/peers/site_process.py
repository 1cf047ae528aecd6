"""`baseload run` of one site with one signal, for peers that others wrote."""

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from proxy.admin.client import AdminError, call
from tests.integration.test_kill import start
from tests.support import PATIENCE, free_port

LEASE = 15
BUDGET, FAIL_SAFE = 40_000, 4_000

CONFIG = """
[[pools]]
name = "main"
url = "stratum+tcp://127.0.0.1:1"
user = "site"
[[sites]]
name = "hall-a"
listen = ["tcp:{port}:interface=127.0.0.1"]
sources = ["main"]
[sites.power]
budget_w = {budget}
fail_safe_w = {fail_safe}
"""


class SiteProcess:
    """A site of 40 kW, of which 4 kW where nobody speaks."""

    def __init__(self, path: Path, *signals: str) -> None:
        self._socket = path / "state" / "admin.sock"
        config = path / "c.toml"
        self.port = free_port()  # for miners
        head = CONFIG.format(port=self.port, budget=BUDGET, fail_safe=FAIL_SAFE)
        rows = [f"[[sites.power.signals]]\n{row}" for row in signals]
        config.write_text("\n".join([head, *rows]))
        self.process = start("proxy.cli", "run", "-c", str(config))

    @property
    def shown(self) -> dict[str, Any]:
        try:
            found: list[dict[str, Any]] = call(self._socket, "power.show", {})
        except (AdminError, OSError):
            return {}
        return found[0] if found else {}

    @property
    def watts(self) -> float | None:
        return self.shown.get("budget_w")

    def events(self) -> str:
        return json.dumps(call(self._socket, "power.history", {}))

    def lapses(self, since: float, high: float) -> float:
        """Return how long after `since` it lapsed; nothing ruled above `high`."""
        while (watts := self.watts) != FAIL_SAFE:
            assert watts is not None
            assert watts <= high
            assert time.monotonic() - since < LEASE + PATIENCE, self.shown
            time.sleep(0.02)
        return time.monotonic() - since

    def close(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)


def until(holds: Callable[[], bool]) -> None:
    """Wait for it."""
    limit = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < limit
        time.sleep(0.05)
