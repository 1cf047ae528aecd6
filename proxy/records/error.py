"""What is wrong with what was asked of the records."""


class RecordsError(Exception):
    """It cannot be done; the message says why, and what to do."""
