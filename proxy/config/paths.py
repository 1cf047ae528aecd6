"""Files that the configuration names: where they are."""

import os
from pathlib import Path

CREDENTIALS = "CREDENTIALS_DIRECTORY"
"""Where systemd puts what a unit loads by LoadCredential=; see systemd.exec(5)."""


def locate(text: str, base: Path) -> Path:
    """Return the path `text`, relative to `base` unless it is absolute.

    `$CREDENTIALS_DIRECTORY/` at its head stands for the folder of that name.

    Raises:
        ValueError: It does, and there is no such folder.
    """
    head, _, name = text.partition("/")
    if head != f"${CREDENTIALS}":
        return base / text
    folder = os.environ.get(CREDENTIALS)
    if not folder:
        raise ValueError(
            f"the environment has no {CREDENTIALS}: systemd sets it where a unit has"
            f" LoadCredential=, for {name!r}"
        )
    return Path(folder) / name
