"""Rules and boards against a real Prometheus that scraped a real demo.

Prometheus and promtool are Debian's (`apt-get install prometheus`).
"""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import PATIENCE, free_port, free_ports

ROOT = Path(__file__).parents[2]
RULES = ROOT / "configs" / "prometheus"
BOARDS = sorted((ROOT / "configs" / "grafana").glob("*.json"))

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        shutil.which("promtool") is None or shutil.which("prometheus") is None,
        reason="Prometheus is not installed: apt-get install prometheus",
    ),
]

NAME = re.compile(r"(?<![:\w])baseload_[a-z_]+")  # what is scraped, not recorded
RARE = {"baseload_lost_shares_total", "baseload_pool_certificate_seconds"}
"""Series that a proxy without a fault, and without a pool over TLS, has none of."""

WITH_A_POOL = """
[proxy]
web = "tcp:{web}:interface=127.0.0.1"
[[pools]]
name = "main"
url = "stratum+tcp://127.0.0.1:{pool}"
user = "site"
[[sites]]
name = "hall-b"
listen = ["tcp:{port}:interface=127.0.0.1"]
sources = ["main"]
[sites.difficulty]
start = 0.000001
minimum = 0.0000001
"""


def promtool(*arguments: str) -> None:
    found = subprocess.run(  # noqa: S603
        [shutil.which("promtool") or "", *arguments],
        cwd=RULES,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout + found.stderr


def test_the_rules_are_sound_and_do_as_their_tests_say() -> None:
    promtool("check", "rules", "baseload.rules.yml")
    promtool("test", "rules", "baseload.rules.test.yml")


def expressions() -> Iterator[str]:
    """Yield what rules and boards ask, boards' variables taken for all."""
    rules = yaml.safe_load((RULES / "baseload.rules.yml").read_text())
    for group in rules["groups"]:
        yield from (rule["expr"] for rule in group["rules"])
    for path in BOARDS:
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel["targets"]:
                yield re.sub(r"\$(instance|site)\b", ".*", target["expr"])


def start(*command: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


class Watched:
    """A demo, and Prometheus that scrapes it."""

    def __init__(self, folder: Path) -> None:
        self.demo = subprocess.Popen(
            [sys.executable, "-m", "proxy.cli", "demo", "--no-screen"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.target = self._address()
        web, port, pool = free_ports(3)
        text = WITH_A_POOL.format(web=web, port=port, pool=pool)
        (folder / "c.toml").write_text(text)
        miners = f"stratum+tcp://127.0.0.1:{port}"
        self.others = [
            start("proxy.bench.serve", "--port", str(pool), "--difficulty", "0.000001"),
            start("proxy.cli", "run", "-c", str(folder / "c.toml")),
            start("proxy.cli", "sim", "fleet", "--url", miners, "--miners", "2"),
        ]
        targets = [self.target, f"127.0.0.1:{web}"]
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(RULES / "baseload.rules.yml")],
            "scrape_configs": [
                {
                    "job_name": "baseload",
                    "static_configs": [{"targets": targets}],
                }
            ],
        }
        (folder / "p.yml").write_text(yaml.safe_dump(config))
        self._at = f"127.0.0.1:{free_port()}"
        self.server = subprocess.Popen(  # noqa: S603
            [
                shutil.which("prometheus") or "",
                f"--config.file={folder / 'p.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={self._at}",
                "--log.level=error",
            ]
        )

    def ask(self, expression: str) -> tuple[str, list[Any]]:
        """Return why a query failed (empty: it did not), and its result."""
        query = urllib.parse.urlencode({"query": expression})
        url = f"http://{self._at}/api/v1/query?{query}"
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
                return "", json.loads(answer.read())["data"]["result"]
        except urllib.error.HTTPError as error:
            return error.read().decode(), []
        except OSError as error:
            return str(error), []

    def close(self) -> None:
        for one in self.others:
            one.kill()
            one.communicate()  # closes its pipes
        self.server.kill()
        self.server.wait(PATIENCE)
        self.demo.send_signal(signal.SIGINT)
        self.demo.communicate(timeout=PATIENCE)

    def _address(self) -> str:
        assert self.demo.stdout is not None
        limit = time.monotonic() + PATIENCE
        while time.monotonic() < limit:
            line = self.demo.stdout.readline()
            if found := re.search(r"http://(127\.0\.0\.1:\d+)", line):
                return found[1]
        raise AssertionError("the demo prints no address")


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    found = Watched(tmp_path_factory.mktemp("prometheus"))
    yield found
    found.close()


def test_every_expression_is_answered_of_series_that_are_there(
    watched: Watched,
) -> None:
    wanted = {name for one in expressions() for name in NAME.findall(one)} - RARE
    limit = time.monotonic() + PATIENCE
    while missing := {name for name in wanted if not watched.ask(name)[1]}:
        assert time.monotonic() < limit, missing
        time.sleep(1.0)

    for expression in expressions():
        why, _ = watched.ask(expression)
        assert why == "", expression
