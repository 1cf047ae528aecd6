"""What a shipper is told at its start, and what it says of itself in a file.

No psycopg here: the share process reads this, and does not speak to the database.
"""

import sys
from pathlib import Path
from typing import Literal

import msgspec

from proxy.config import Config
from proxy.runtime.whole_file import write_whole

SHIPPED_FILE = "shipped.json"
"""In `state_dir`: how far the ledger was copied."""

_MAX_FILE_BYTES = 65_536


class ShipSetup(msgspec.Struct, frozen=True):
    """What is copied, and where to.

    Attributes:
        url: Of the database; a secret.
        member: What the proxy is called there.
        instance: Its number there.
        state_dir: Where the ledger is.
        mode: `work`: sums; `shares`: single shares and what pools said of them, too.
        keep_days: Sums by minute and single rows older than that go.
    """

    url: str
    member: str
    instance: int
    state_dir: str
    mode: Literal["work", "shares"]
    keep_days: int = 35


class Shipped(msgspec.Struct):
    """How far it has come.

    Attributes:
        share_id: Of the last share that was copied; null: shares are not.
        lag_s: How old the oldest row is that is to be copied; 0: there is none.
        at: Unix seconds.
        fault: Why nothing is copied; empty: it is.
        gaps: Rows that were lost before they were copied, in words; the newest last.
    """

    share_id: int | None = None
    lag_s: float = 0.0
    at: float = 0.0
    fault: str = ""
    gaps: list[str] = []


def setup_for(config: Config, instance: int) -> ShipSetup | None:
    """Return what is to be copied by a proxy; None: nothing is."""
    cluster = config.cluster
    if cluster is None or cluster.ship == "off":
        return None
    member = cluster.member or config.proxy.name
    return ShipSetup(
        str(cluster.url),
        member,
        instance,
        config.proxy.state_dir,
        cluster.ship,
        cluster.keep_days,
    )


def tell(folder: Path, shipped: Shipped) -> None:
    """Say how far it has come.

    Raises:
        OSError: The folder does not take it.
    """
    write_whole(folder / SHIPPED_FILE, msgspec.json.encode(shipped))


def told(folder: Path) -> Shipped | None:
    """Return what the shipper said last; None: nothing, or nothing readable."""
    try:
        with (folder / SHIPPED_FILE).open("rb") as file:
            return msgspec.json.decode(file.read(_MAX_FILE_BYTES), type=Shipped)
    except (OSError, msgspec.MsgspecError):
        return None


def copied_through(folder: Path) -> int:
    """Return the id of the last share that was copied, 0 if nobody says."""
    found = told(folder)
    if found is None:
        return 0
    return sys.maxsize if found.share_id is None else found.share_id
