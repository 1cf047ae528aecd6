"""The doctor looks at the key of the log, at its age, at its witnesses."""

import os
import socket
from pathlib import Path

import pytest

from protocol.tlog.note import KeyKind, VerifierKey
from proxy.config import Config, PowerConfig, ProxyConfig, SiteConfig
from proxy.config.transparency import TransparencyConfig
from proxy.doctor.log import log
from proxy.oversight.signing import seed_in

NOW = 1_796_000_000.0


def looked(tmp_path: Path, **settings: object) -> dict[str, tuple[str, str]]:
    """Return level and what was seen, by check."""
    transparency = TransparencyConfig(origin="a/log/1", **settings)  # type: ignore[arg-type]
    power = PowerConfig(budget_w=2e5, fail_safe_w=1e5)
    site = SiteConfig(name="hall-a", listen=("tcp:0",), sources=["main"], power=power)
    proxy = ProxyConfig(state_dir=str(tmp_path), transparency=transparency)
    found = log(Config(proxy=proxy, sites=[site]), lambda: NOW)
    return {one.check: (one.level, one.seen) for one in found}


def test_a_log_that_is_not_published_is_passed_over(tmp_path: Path) -> None:
    config = Config(proxy=ProxyConfig(state_dir=str(tmp_path)), sites=[])

    (found,) = log(config, lambda: NOW)

    assert found.level == "skipped"


def test_a_fresh_log_of_a_good_key_is_good(tmp_path: Path) -> None:
    seed_in(tmp_path / "log.key", bytes)
    path = tmp_path / "log" / "checkpoint"
    path.parent.mkdir()
    path.write_text("x")
    os.utime(path, (NOW - 5, NOW - 5))

    found = looked(tmp_path)

    assert found["key of the log"][0] == "ok"
    assert found["state of the log"] == ("ok", "the newest was written 5 s ago")
    assert found["witnesses"][0] == "warn"


def test_a_key_that_others_read_and_an_old_state_are_told(tmp_path: Path) -> None:
    seed_in(tmp_path / "log.key", bytes)
    (tmp_path / "log.key").chmod(0o644)
    path = tmp_path / "log" / "checkpoint"
    path.parent.mkdir()
    path.write_text("x")
    os.utime(path, (NOW - 900, NOW - 900))

    found = looked(tmp_path)

    assert found["key of the log"][0] == "fail"
    assert found["state of the log"][0] == "warn"


def test_an_agent_that_is_away_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)

    found = looked(tmp_path, key="agent:SHA256:" + "A" * 43)

    assert found["key of the log"][0] == "fail"
    assert found["state of the log"][0] == "skipped"


def test_each_witness_is_tried(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        keys = [
            VerifierKey(f"w{n}", KeyKind.COSIGNATURE, bytes([n]) * 32).text
            for n in range(2)
        ]
        (tmp_path / "trust.txt").write_text(
            f"witness here {keys[0]} http://127.0.0.1:{port}/\n"
            f"witness away {keys[1]} http://127.0.0.1:1/\nquorum here\n"
        )

        found = looked(tmp_path, trust=tmp_path / "trust.txt")

    assert found["witness here"][0] == "ok"
    assert found["witness away"][0] == "warn"
