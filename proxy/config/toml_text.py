"""The text of a configuration file, and what is wrong with one that is no TOML."""

import codecs
import re
import tomllib
from pathlib import Path
from typing import Any

from proxy.config.examine import in_digits
from proxy.config.fault import ConfigError
from proxy.regular_file import read_regular

MAX_FILE_BYTES = 4_000_000
"""Fifty thousand routes; more is not a configuration."""

_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "UTF-8",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
_LINE = re.compile(r"\(at line (\d+),")
_VALUE = re.compile(r"=\s*([^#]*)")


def tables_of(path: Path) -> tuple[str, dict[str, Any]]:
    """Return the text of a file, and its tables.

    Raises:
        ConfigError: It cannot be read, or it is no TOML.
    """
    try:
        text = _decoded(_read(path))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from error
    try:
        return text, tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}{_hint(text, error)}") from error
    except RecursionError as error:
        raise ConfigError(f"{path}: nested too deeply") from error


def _read(path: Path) -> bytes:
    data = read_regular(path, MAX_FILE_BYTES)
    if len(data) > MAX_FILE_BYTES:
        raise ValueError(f"longer than {MAX_FILE_BYTES} B")
    return data


def _decoded(data: bytes) -> str:
    for mark, name in _BYTE_ORDER_MARKS.items():
        if data.startswith(mark):
            raise ValueError(
                f"begins with a byte order mark ({name}), as some editors write:"
                " save it as UTF-8 without one"
            )
    return data.decode()


def _hint(text: str, error: tomllib.TOMLDecodeError) -> str:
    """Return what often stands where TOML cannot be read; empty if it is not that."""
    at = _LINE.search(str(error))
    lines = text.splitlines()
    if at is None or int(at[1]) > len(lines):
        return ""
    value = _VALUE.search(lines[int(at[1]) - 1])
    if value is None:
        return ""
    word = value[1].strip()
    return in_digits(word) or (": texts stand in quotes" if word[:1].isalpha() else "")
