"""Who broke the protocol: them or us."""


class ProtocolError(Exception):
    """A broken contract of a protocol; the message says what was found and wanted."""


class RemoteError(ProtocolError):
    """The peer broke the protocol: hang up, log at info, lose nothing else."""


class LocalError(ProtocolError):
    """We broke the protocol: a bug of ours."""


class LineTooLongError(RemoteError):
    """A line exceeds the limit of its framer."""


class MalformedMessageError(RemoteError):
    """A message that cannot be read as what it claims to be."""
