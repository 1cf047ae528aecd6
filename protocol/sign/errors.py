"""What is wrong with a key or with a signature."""

from protocol.errors import RemoteError


class SignatureError(RemoteError):
    """A text that is no signature, or that does not verify; the message says why."""


class PublicKeyError(RemoteError):
    """A text that is no public key that we take; the message says why."""
