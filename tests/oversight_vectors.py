"""Vectors of transparency logs, and a tree in memory that is simple to believe."""

import json
from pathlib import Path
from typing import Any

from protocol.tlog.tree import node_hash

FOLDER = Path(__file__).parent / "vectors" / "oversight"


def vectors(name: str) -> Any:
    """Return the vectors in the file `name`."""
    return json.loads((FOLDER / f"{name}.json").read_text())


class MemoryTree:
    """All hashes of complete subtrees, by level."""

    def __init__(self, leaves: list[bytes]) -> None:
        self.levels = [leaves]
        while len(self.levels[-1]) > 1:
            row = self.levels[-1]
            pairs = zip(row[::2], row[1::2], strict=False)
            self.levels.append([node_hash(a, b) for a, b in pairs])

    def at(self, level: int, index: int) -> bytes:
        """See `tree.HashAt`."""
        return self.levels[level][index]
