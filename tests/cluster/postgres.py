"""PostgreSQL for tests: Debian's, as the user `postgres` where we are root."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from tests.support import PATIENCE, free_port

OWNER = "postgres"


def binaries() -> Path | None:
    """Return the folder of initdb and postgres, of the newest version there is."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version)
    if folders:
        return folders[-1]
    found = shutil.which("initdb")
    return None if found is None else Path(found).resolve().parent


def why_not() -> str:
    """Return why no server can be started; empty: one can."""
    if binaries() is None:
        return "no PostgreSQL here: apt-get install postgresql"
    if os.geteuid() == 0 and subprocess.call(["id", "-u", OWNER], stdout=-3):
        return f"as root, PostgreSQL runs as the user {OWNER}, who is not there"
    return ""


def _version(folder: Path) -> int:
    name = folder.parent.name
    return int(name) if name.isdigit() else 0


class Postgres:
    """One server; `kill` is as by the kernel, `start` recovers."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.data = folder / "data"
        self.database = "postgres"
        self._bin = binaries()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return self.url_at(self.port)

    def url_at(self, port: int) -> str:
        """Return its URL through a relay."""
        return f"postgresql://{OWNER}@127.0.0.1:{port}/{self.database}"

    def make(self) -> None:
        """Make an empty database, and start."""
        if os.geteuid() == 0:
            shutil.chown(self.folder, OWNER)
        self._call("initdb", "-D", str(self.data), "-A", "trust", "-U", OWNER, "-N")
        self.start()

    def start(self) -> None:
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        options = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(self.folder),
            "shared_buffers": "16MB",
            "max_connections": "60",
            # who dies is the server, not the machine: what the kernel has is not
            # lost, and a server that was killed would sync all files one by one
            "fsync": "off",
        }
        words = [f"-p{self.port}"]
        words += [f"-c{name}={value}" for name, value in options.items()]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command(
                    "postgres", "-D", str(self.data), f"-p{self.port}", *words
                ),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            ready = self._command("pg_isready", "-h127.0.0.1", f"-p{self.port}")
            if subprocess.call(ready, stdout=-3, stderr=-3) == 0:
                return
            time.sleep(0.1)
        raise TimeoutError((self.folder / "log").read_text()[-2000:])

    def begin_anew(self) -> None:
        """Go on with an empty database: the one before is dropped."""
        at = ["-h127.0.0.1", f"-p{self.port}", f"-U{OWNER}"]
        if self.database != "postgres":
            self._call("dropdb", *at, "--force", self.database)
        self.database = f"t{time.monotonic_ns()}"
        self._call("createdb", *at, self.database)

    def follower(self, folder: Path, through: int) -> "Postgres":
        """Return a standby, running: it follows over a port, and is not waited for."""
        if os.geteuid() == 0:
            shutil.chown(folder, OWNER)
        made = Postgres(folder)
        made.database = self.database
        at = ["-h127.0.0.1", f"-p{through}", f"-U{OWNER}", "-D", str(made.data)]
        made._call("pg_basebackup", *at, "-R", "-Xstream", "--checkpoint=fast", "-N")
        made.start()
        return made

    def promote(self) -> None:
        """Follow nobody any more: take what is written from now on."""
        self._call("pg_ctl", "promote", "-w", "-D", str(self.data))

    def kill(self) -> None:
        """Kill it, with all its backends."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def remove(self) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _call(self, program: str, *arguments: str) -> None:
        subprocess.run(
            self._command(program, *arguments), check=True, stdout=-3, stderr=-3
        )

    def _command(self, program: str, *arguments: str) -> list[str]:
        assert self._bin is not None
        command = [str(self._bin / program), *arguments]
        if os.geteuid() != 0:
            return command
        return [
            "setpriv",
            "--reuid",
            OWNER,
            "--regid",
            OWNER,
            "--clear-groups",
            *command,
        ]
