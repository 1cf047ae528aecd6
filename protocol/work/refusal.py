"""Why a pool refused something: codes mean little, words mean more."""

import re

import msgspec

from protocol.work.pool_events import ShareRefusal

MAX_TEXT_CHARS = 200

# In this order: "low difficulty share of job 5" is no stale one.
_BY_WORDS = (
    (re.compile(r"dup", re.IGNORECASE), ShareRefusal.DUPLICATE),
    (re.compile(r"unauth|not auth", re.IGNORECASE), ShareRefusal.UNAUTHORIZED),
    (re.compile(r"stale", re.IGNORECASE), ShareRefusal.STALE),
    # "Ntime out of range" and "Invalid nonce2 length" are ckpool's, both with code 20.
    (re.compile(r"version|time|nonce", re.IGNORECASE), ShareRefusal.OTHER),
    (
        re.compile(r"diff|target|high.hash|h-not-zero", re.IGNORECASE),
        ShareRefusal.LOW_DIFFICULTY,
    ),
    # "stale-prevblk" and "unknown-work" are DATUM's.
    (re.compile(r"job|unknown.work|prev.?bl", re.IGNORECASE), ShareRefusal.STALE),
)

# Without 20, which stands for anything.
_BY_CODE = {
    21: ShareRefusal.STALE,
    22: ShareRefusal.DUPLICATE,
    23: ShareRefusal.LOW_DIFFICULTY,
    24: ShareRefusal.UNAUTHORIZED,
}


class Refusal(msgspec.Struct, frozen=True):
    """An error as a pool spelled it.

    Attributes:
        code: None if there was no number.
        text: Printable, at most `MAX_TEXT_CHARS` long.
    """

    code: int | None = None
    text: str = ""

    @property
    def of_share(self) -> ShareRefusal:
        """What it means for a share: by its words, and by code if they say nothing.

        The same code means different things from one pool to the next.
        """
        for words, refusal in _BY_WORDS:
            if words.search(self.text):
                return refusal
        return _BY_CODE.get(self.code or 0, ShareRefusal.OTHER)


def shown(text: str) -> str:
    """Return `text` fit for a log line: no control characters, not too long."""
    return "".join(c if c.isprintable() else "?" for c in text[:MAX_TEXT_CHARS])
