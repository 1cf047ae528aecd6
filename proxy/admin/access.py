"""Who may open a Unix socket, besides its owner and root."""

import grp
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen


@frozen
class Access:
    """The mode of a socket, and the group that it belongs to.

    Attributes:
        mode: Permissions; who may write to a socket may connect to it.
        group: Name or number; None: that of its folder or of the process.
    """

    mode: int = 0o600
    group: str | int | None = None

    @property
    def is_shared(self) -> bool:
        """Whether others than the owner may open it."""
        return bool(self.mode & 0o066)

    def make_folder(self, path: Path) -> None:
        """Make the folder of a socket: those may enter who may open the socket.

        One that is there stays as it is.
        """
        if path.parent.is_dir():
            return
        path.parent.mkdir(parents=True, mode=0o700)
        if self.is_shared:
            self._give(path.parent)
            path.parent.chmod(0o711 if self.mode & stat.S_IWOTH else 0o710)

    def apply(self, path: Path) -> None:
        """Give the socket at `path` away. It is to be open to its owner alone before.

        Raises:
            OSError: The group is not one of the process's own.
        """
        self._give(path)
        path.chmod(self.mode)

    def closed_folders(self, path: Path) -> Iterator[Path]:
        """Yield each folder above `path` that those who may open it cannot enter."""
        for folder in path.parents:
            if self.is_shared and folder.is_dir() and not self._may_enter(folder):
                yield folder

    def _may_enter(self, folder: Path) -> bool:
        there = folder.stat()
        if there.st_mode & stat.S_IXOTH:
            return True
        is_theirs = self.group is None or there.st_gid == group_id(self.group)
        return bool(there.st_mode & stat.S_IXGRP) and is_theirs

    def _give(self, path: Path) -> None:
        if self.group is not None:
            os.chown(path, -1, group_id(self.group))


OWNER_ALONE = Access()


def group_id(group: str | int) -> int:
    """Return the number of a group.

    Raises:
        KeyError: None is called so.
    """
    return group if isinstance(group, int) else grp.getgrnam(group).gr_gid
