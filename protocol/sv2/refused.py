"""A pool that does not serve us."""

from protocol.errors import RemoteError


class ChannelRefusedError(RemoteError):
    """The pool opens no channel, for a reason that is not our user's."""
