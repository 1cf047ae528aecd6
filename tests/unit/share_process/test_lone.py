"""What runs on the reactor for a moment leaves the process as it was."""

import subprocess
import sys

ASKED = """
import signal
from proxy.config import Config, NodeConfig, ProxyConfig
from proxy.share_process.lone import check_nodes

node = NodeConfig(name="core", rpc="http://127.0.0.1:1")
config = Config(proxy=ProxyConfig(), nodes=(node,), sites=[])
assert [report.name for report in check_nodes(config)] == ["core"]
print(signal.getsignal(signal.SIGTERM).name, signal.getsignal(signal.SIGHUP).name)
"""


def test_sigterm_ends_a_process_that_has_asked_its_nodes() -> None:
    done = subprocess.run(  # noqa: S603  (our own program)
        [sys.executable, "-c", ASKED],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.stdout == "SIG_DFL SIG_DFL\n", done.stderr
