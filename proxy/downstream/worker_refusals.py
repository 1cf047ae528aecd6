"""Why a worker cannot share a miner's channel."""

from protocol.units import WorkerName
from proxy.downstream.miner_state import MinerState

MAX_WORKERS = 256
"""Workers on one connection: a proxy below us may have many."""


def why_not_here(miner: MinerState, worker: WorkerName) -> str:
    """Return why `worker` cannot share the channel of `miner`; empty if it can."""
    if len(miner.workers) >= MAX_WORKERS and worker not in miner.workers:
        return f"More than {MAX_WORKERS} workers on one connection"
    if miner.names is not None and (refusal := miner.names.refusal(worker)):
        return refusal
    # A connection has one group, which its first worker decides.
    first = next(iter(miner.workers), worker)
    if first == worker:
        return ""
    routes = miner.context.board.routes
    if routes.place_of(first) != routes.place_of(worker):
        return f"Worker mines elsewhere than {first}: it needs its own connection"
    return ""
