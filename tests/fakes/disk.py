"""Where blocks are kept, with the thread left out, or a disk that hangs."""

from collections.abc import Callable
from pathlib import Path

from twisted.internet.defer import Deferred

from proxy.node.block_files import BlockFiles


async def at_once(job: Callable[[], None]) -> None:
    """Do `job` here and now."""
    job()


def files_in(directory: Path) -> BlockFiles:
    """Return block files that are written at once."""
    return BlockFiles(directory, at_once)


class SlowDisk:
    """Does one job each time that it is told to."""

    def __init__(self, directory: Path) -> None:
        self.files = BlockFiles(directory, self._run)
        self._waiting: list[tuple[Callable[[], None], Deferred[None]]] = []

    async def _run(self, job: Callable[[], None]) -> None:
        done: Deferred[None] = Deferred()
        self._waiting.append((job, done))
        await done

    def turn(self) -> None:
        """Do the one job that it was asked for."""
        ((job, done),) = self._waiting
        self._waiting = []
        job()
        done.callback(None)
