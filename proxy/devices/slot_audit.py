"""Whether a device mines where it should: its pool slots, against ours."""

from collections.abc import Sequence
from urllib.parse import urlsplit


def foreign_pools(slots: Sequence[str], ours: Sequence[str]) -> tuple[str, ...]:
    """Return the pool slots of a device that lead past this proxy.

    A device that is given no work goes on to its next slot: it draws what it drew,
    and somebody else has its hashes. So every slot has to lead here.

    Args:
        slots: URLs as the device has them; empty ones do not count.
        ours: `host` or `host:port` under which devices reach this proxy; empty: no
            slot is foreign, for nothing is known.
    """
    known = {place.lower() for place in ours}
    if not known:
        return ()
    return tuple(slot for slot in slots if slot and not _names(slot) & known)


def _names(url: str) -> set[str]:
    try:
        parts = urlsplit(url if "://" in url else f"//{url}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return set()
    shown = f"[{host}]" if ":" in host else host
    return {host, f"{shown}:{port}"}
