import logging
from pathlib import Path

import pytest
from typing_extensions import override

from proxy.devices.library import mute


def test_what_a_package_logs_to_the_root_is_muted_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard: list[str] = []

    class Ear(logging.Handler):
        @override
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(record.getMessage())

    root = logging.Logger("root")  # noqa: LOG001
    root.addHandler(Ear())
    monkeypatch.setattr(logging, "getLogger", lambda: root)

    mute(Path("/lib/pyasic"))
    mute(Path("/lib/pyasic"))
    for path in ("/lib/pyasic/rpc/base.py", "/lib/pyasically/other.py"):
        root.handle(root.makeRecord("root", 30, path, 1, path, (), None))

    assert heard == ["/lib/pyasically/other.py"]
    assert len(root.handlers[0].filters) == 1
