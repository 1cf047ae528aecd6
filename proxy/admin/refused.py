"""A command that cannot be done."""


class Refused(Exception):  # noqa: N818  (an answer, not a fault)
    """The command cannot be done; the message says why."""
