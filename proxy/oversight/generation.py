"""A new generation of the log: what an operator does once its history was broken."""

from pathlib import Path

from protocol.errors import MalformedMessageError
from protocol.tlog.checkpoint import checkpoint_of
from protocol.tlog.tile import Edge
from protocol.tlog.tree import EMPTY_ROOT
from protocol.units import UnixTime
from proxy.oversight.folder import LOG_FOLDER, LogFolder, LogFolderError
from proxy.oversight.rows import rows_of
from proxy.power.journal.chain import Event
from proxy.power.journal.effects import Effects
from proxy.power.journal.published import Published
from proxy.power.journal.store import Store

KIND = "generation"
"""Of its first leaf, which names the last checkpoint of the one before."""


class GenerationError(Exception):
    """No new generation can be begun; the message says why."""


def moved_aside(state: Path) -> str:
    """Move the folder of the log aside; return its last checkpoint, empty: none.

    It blocks.

    Raises:
        GenerationError: It cannot be moved.
    """
    folder = state / LOG_FOLDER
    try:
        note = LogFolder(folder).checkpoint()
        text = "" if note is None else note.text.decode()
        name = "unknown" if note is None else _generation(note.text)
    except LogFolderError:
        text, name = "", "unknown"
    if not folder.exists():
        return text
    aside = state / f"{LOG_FOLDER}-{name}"
    number = 1
    while aside.exists():
        number += 1
        aside = state / f"{LOG_FOLDER}-{name}.{number}"
    try:
        folder.rename(aside)
    except OSError as error:
        raise GenerationError(f"{folder}: {error.strerror}") from error
    return text


def check_origin(database: Path, origin: str) -> None:
    """Look whether `origin` may begin a log: it never did. It blocks.

    Raises:
        GenerationError: It did.
    """
    with rows_of(database) as rows:
        known = rows.published()
    if origin in known:
        raise GenerationError(
            f"{origin} was begun before: put another number at the end of `origin` in"
            " [proxy.transparency], reload, and try again"
        )


def begin(store: Store, origin: str, before: str, at: UnixTime) -> Published:
    """Write the first leaf of a new log; return how it begins.

    Args:
        store: Where the rows are.
        origin: Of the new log.
        before: Last checkpoint of the one before, its text.
        at: Wall time.

    Raises:
        StoreError: It could not be written.
    """
    cause = "an operator began a new generation of the log"
    event = Event(at, "", KIND, cause, {"origin": origin, "before": before})
    (row,) = store.write("", Effects(events=[event]), (), at)
    begun = Published(origin, row.id - 1, 0, EMPTY_ROOT, Edge())
    store.publish(begun)
    return begun


def _generation(text: bytes) -> str:
    try:
        return checkpoint_of(text).origin.rpartition("/")[2]
    except MalformedMessageError:
        return "unknown"
