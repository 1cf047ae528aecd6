"""Files that rows are exported to, written as they come."""

import csv
import hashlib
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, BinaryIO, Protocol

import msgspec
from typing_extensions import override

from proxy.records.error import RecordsError

Columns = Mapping[str, type]
Rows = Sequence[tuple[Any, ...]]


class RowWriter(Protocol):
    """Writes rows to a stream."""

    def write(self, rows: Rows) -> None:
        """Write rows, whose cells are in the order of the columns."""

    def close(self) -> None:
        """Write what belongs at the end; the stream stays open."""


class DigestedStream(io.RawIOBase):
    """Counts and hashes what is written to a stream, in one pass."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self._stream = stream
        self._hash = hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> str:
        """Of all that was written, hexadecimal."""
        return self._hash.hexdigest()

    @override
    def writable(self) -> bool:
        return True

    @override
    def write(self, data: Any) -> int:
        self._stream.write(data)
        self._hash.update(data)
        self.size += len(data)
        return len(data)

    @override
    def tell(self) -> int:
        return self.size


class CsvWriter:
    """RFC 4180 with a line of names, UTF-8; an empty cell is null."""

    def __init__(self, stream: DigestedStream, columns: Columns) -> None:
        self._stream = stream
        self.write([tuple(columns)])

    def write(self, rows: Rows) -> None:
        """See `RowWriter`."""
        text = io.StringIO()
        csv.writer(text).writerows(rows)
        self._stream.write(text.getvalue().encode())

    def close(self) -> None:
        """See `RowWriter`."""


class JsonLinesWriter:
    """A JSON object a line."""

    def __init__(self, stream: DigestedStream, columns: Columns) -> None:
        self._stream, self._names = stream, tuple(columns)
        self._encoder = msgspec.json.Encoder()

    def write(self, rows: Rows) -> None:
        """See `RowWriter`."""
        objects = [dict(zip(self._names, row, strict=True)) for row in rows]
        self._stream.write(self._encoder.encode_lines(objects))

    def close(self) -> None:
        """See `RowWriter`."""


class ParquetWriter:
    """Apache Parquet, a row group for each call."""

    def __init__(self, stream: DigestedStream, columns: Columns) -> None:
        try:
            import pyarrow as pa  # noqa: PLC0415  (an extra, 150 ms)
            from pyarrow import parquet  # noqa: PLC0415
        except ModuleNotFoundError as error:
            raise RecordsError(
                "parquet needs pyarrow: pip install '.[parquet]' in the checkout"
            ) from error
        kinds = {int: pa.int64(), float: pa.float64(), str: pa.string()}
        self._schema = pa.schema([(name, kinds[k]) for name, k in columns.items()])
        self._pa = pa
        self._writer = parquet.ParquetWriter(stream, self._schema)

    def write(self, rows: Rows) -> None:
        """See `RowWriter`."""
        arrays = [
            self._pa.array(column, kind.type)
            for column, kind in zip(zip(*rows, strict=True), self._schema, strict=True)
        ]
        batch = self._pa.RecordBatch.from_arrays(arrays, schema=self._schema)
        self._writer.write_batch(batch)

    def close(self) -> None:
        """See `RowWriter`."""
        self._writer.close()


FORMATS: dict[str, Callable[[DigestedStream, Columns], RowWriter]] = {
    "csv": CsvWriter,
    "jsonl": JsonLinesWriter,
    "parquet": ParquetWriter,
}
"""Writers by name."""


class Summary(msgspec.Struct, frozen=True):
    """What was written; `sha256` of the bytes, hexadecimal."""

    rows: int
    bytes: int
    sha256: str


def write_rows(
    stream: BinaryIO, name: str, columns: Columns, chunks: Iterable[Rows]
) -> Summary:
    """Write all rows in the format called `name`; return what came of it.

    Raises:
        RecordsError: The format needs what is not installed, or they end early.
        OSError: The stream takes no more.
    """
    digested = DigestedStream(stream)
    writer = FORMATS[name](digested, columns)
    count = 0
    for rows in chunks:
        writer.write(rows)
        count += len(rows)
    writer.close()
    return Summary(count, digested.size, digested.sha256)
