"""Our log, asked and cosigned over real sockets, by our own witness."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred

from protocol.tlog.cosignature import verified
from protocol.tlog.note import VerifierKey
from proxy.oversight.http import DEADLINE, WitnessHttp
from proxy.oversight.witnesses import WitnessError
from tests.oversight_live import LiveLog
from tests.oversight_logs import SIGNER
from tests.support import PATIENCE, free_port, on_reactor

pytestmark = pytest.mark.integration


class Process:
    """`baseload witness` as an operator runs it."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        file = folder / "w.toml"
        file.write_text(
            f'[witness]\nname = "grid.example/witness"\nstate = "w"\n'
            f'listen = "tcp:{self.port}:interface=127.0.0.1"\n'
            f'log = ["{SIGNER.key.text}"]\n'
        )
        command = [sys.executable, "-m", "proxy.cli", "witness", "-c", str(file)]
        self.process = subprocess.Popen(  # noqa: S603
            command, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.key = VerifierKey.from_text(self.process.stdout.readline().strip())
        assert "listens on" in self.process.stdout.readline()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def close(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=PATIENCE)
        return self.process.returncode


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[Process]:
    found = Process(tmp_path)
    yield found
    os.kill(found.process.pid, signal.SIGCONT)
    assert found.close() == 0


@on_reactor
async def test_a_log_is_cosigned_by_a_witness_in_another_process(
    tmp_path: Path, witness: Process
) -> None:
    log = LiveLog(tmp_path, f"witness w {witness.key.text} {witness.url}\nquorum w\n")
    for count in (5, 300, 1):
        log.plant.write(count)
        await log.publisher.publish()

        note = log.plant.folder.checkpoint()
        assert note is not None
        assert len(verified(note, [SIGNER.key, witness.key])) == 2
    assert log.publisher.fault is None
    await log.close()


@on_reactor
async def test_one_that_is_frozen_holds_up_no_checkpoint_and_no_row(
    tmp_path: Path, witness: Process
) -> None:
    os.kill(witness.process.pid, signal.SIGSTOP)
    log = LiveLog(tmp_path, f"witness w {witness.key.text} {witness.url}\nquorum w\n")
    log.plant.write(5)
    published = Deferred.fromCoroutine(log.publisher.publish())
    log.plant.write(5)  # an order that comes meanwhile

    await published

    note = log.plant.folder.checkpoint()
    assert note is not None
    assert len(verified(note, [SIGNER.key, witness.key])) == 1
    os.kill(witness.process.pid, signal.SIGCONT)
    await log.close()


@on_reactor
async def test_what_is_no_witness_is_an_error_with_its_reason() -> None:
    from twisted.internet import reactor  # noqa: PLC0415

    http = WitnessHttp(reactor)
    for url in (f"http://127.0.0.1:{free_port()}/", "http://no.invalid/", "ftp://x/"):
        with pytest.raises(WitnessError):
            await http.post(url, b"")
    await http.close()
    assert DEADLINE == 10.0
