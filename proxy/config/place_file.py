"""The file that says by hand where machines are, as `places --csv` prints it."""

import csv
from collections.abc import Iterator
from pathlib import Path

from attrs import define, field

from proxy.config.rack_place import Place
from proxy.regular_file import read_regular

COLUMNS = ("worker", "address", "rack", "position")

MAX_ROWS = 100_000
"""As many as the map has cells."""

MAX_BYTES = 1 << 24
"""160 B a row."""

MAX_CHARS = 256


class PlaceFileError(ValueError):
    """A file of places cannot be read; the message names the line."""


@define(eq=False, repr=False)
class PlacesByHand:
    """Where machines are, as far as somebody wrote it down.

    A row is of the worker that it names; of that at the address alone, where it names
    both and others have the worker's name; of an address, where it names no worker.
    """

    _by_both: dict[tuple[str, str], Place] = field(factory=dict, init=False)
    _by_name: dict[str, Place] = field(factory=dict, init=False)

    @classmethod
    def read(cls, path: Path) -> "PlacesByHand":
        """Return what a file says.

        Raises:
            PlaceFileError: It cannot be read, or is no such table.
        """
        found, rows = cls(), list(_rows(path))
        for worker, address, place in rows:
            if worker and address:
                found._by_both[worker, address] = place
            found._by_name.setdefault(worker or address, place)
        return found

    def find(self, worker: str, address: str) -> Place | None:
        """Return where a machine is, None if no row says it."""
        return (
            self._by_both.get((worker, address))
            or self._by_name.get(worker)
            or self._by_name.get(address)
        )


def _rows(path: Path) -> Iterator[tuple[str, str, Place]]:
    reader = csv.reader(_text(path).splitlines())
    try:
        head = tuple(name.strip().lower() for name in next(reader, []))
        if head[: len(COLUMNS)] != COLUMNS:
            raise PlaceFileError(f"{path}: Expected the columns {','.join(COLUMNS)}")
        for number, row in enumerate(reader, 2):
            if number > MAX_ROWS + 1:
                raise PlaceFileError(f"{path}: Expected at most {MAX_ROWS} rows")
            if row:
                yield _row(row, f"{path}, line {number}")
    except csv.Error as error:  # a cell of more than 131,072 characters
        raise PlaceFileError(f"{path}, line {reader.line_num}: {error}") from error


def _text(path: Path) -> str:
    try:
        data = read_regular(path, MAX_BYTES)
        if len(data) > MAX_BYTES:
            raise PlaceFileError(f"{path}: Expected at most {MAX_BYTES} B")
        return data.decode("utf-8-sig")  # spreadsheets begin it with a mark
    except OSError as error:
        raise PlaceFileError(f"{path}: {error.strerror}") from error
    except UnicodeError as error:
        raise PlaceFileError(f"{path}: {error}") from error


def _row(row: list[str], where: str) -> tuple[str, str, Place]:
    cells = [cell.strip() for cell in row[: len(COLUMNS)]]
    if len(cells) < len(COLUMNS) or not (cells[0] or cells[1]):
        raise PlaceFileError(f"{where}: Expected a worker or an address, and a place")
    if any(len(cell) > MAX_CHARS for cell in cells):
        raise PlaceFileError(f"{where}: Expected at most {MAX_CHARS} characters")
    worker, address, rack, position = cells
    return worker, address, Place(rack, position)
