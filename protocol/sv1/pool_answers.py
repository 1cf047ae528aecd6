"""What a pool's answer to a request says: yes, or why not."""

from protocol.errors import RemoteError
from protocol.sv1.pool_lines import PoolLine
from protocol.sv1.pool_refusals import is_nothing, read_refusal
from protocol.work.pool_events import ShareAnswered


class SubscriptionRefusedError(RemoteError):
    """The pool has no room for us."""


def is_yes(line: PoolLine) -> bool:
    """Tell whether the pool agreed: `true`, and no error beside it."""
    return bytes(line.result) == b"true" and is_nothing(line.error)


def verdict_of(submit_id: int, line: PoolLine) -> ShareAnswered:
    """Return what the pool makes of the share that was sent as `submit_id`."""
    if is_yes(line):
        return ShareAnswered(submit_id, None, "")
    refusal = read_refusal(line.error, line.reject_reason)
    return ShareAnswered(submit_id, refusal.of_share, refusal.text)
