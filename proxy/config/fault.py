"""What is wrong with a configuration, and where."""

from collections.abc import Iterable
from difflib import get_close_matches

from attrs import frozen
from typing_extensions import override

_MARK = " - at `"


@frozen
class Fault:
    """One thing that is wrong.

    Attributes:
        text: What was found and what was wanted.
        key: Of the setting, as `$.sites[0].listen`; empty: the whole file.
        place: Line of the file or variable of the environment; empty: none is known.
    """

    text: str
    key: str = ""
    place: str = ""

    @override
    def __str__(self) -> str:
        """Return it as a sentence that ends in the key."""
        return f"{self.text}{_MARK}{self.key}`" if self.key else self.text


def fault_of(sentence: str) -> Fault:
    """Return the fault that a sentence which ends in its key tells of."""
    text, _, key = sentence.rpartition(_MARK)
    return Fault(text, key.removesuffix("`")) if text else Fault(sentence)


class ConfigError(Exception):
    """The configuration cannot be used; the message names file and key.

    Attributes:
        faults: All that is wrong; empty: only the message tells.
    """

    def __init__(self, message: str, faults: Iterable[Fault] = ()) -> None:
        super().__init__(message)
        self.faults = tuple(faults)


def nearest(word: str, words: Iterable[str]) -> str:
    """Return a question that offers the most alike of `words`; empty if none is."""
    found = get_close_matches(word, list(words), 1)
    return f": did you mean {found[0]!r}?" if found else ""
