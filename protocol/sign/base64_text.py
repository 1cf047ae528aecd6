"""Base64 that has one spelling: padded, nothing between, no stray bits at the end."""

from base64 import b64decode, b64encode


def decode_strictly(text: str) -> bytes:
    """Return what `text` holds.

    Raises:
        ValueError: It is no base64, or not as an encoder writes it.
    """
    try:
        data = b64decode(text.encode("ascii"), validate=True)
    except ValueError as error:  # binascii.Error and UnicodeEncodeError are both
        raise ValueError("no base64") from error
    # The last character may hold bits that no byte takes: one signature, two texts.
    if b64encode(data).decode() != text:
        raise ValueError("base64 that is not in its one spelling")
    return data
