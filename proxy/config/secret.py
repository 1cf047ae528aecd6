"""Values of the file that no log, error or dump may show."""

import os
from pathlib import Path

from typing_extensions import override

from proxy.config.paths import locate
from proxy.regular_file import read_regular

MAX_SECRET_BYTES = 4096


class Secret(str):
    """A text that shows as `***` in every repr, and that msgspec refuses to encode.

    It is a `str` where it is put to use, at a pool or a node.
    """

    __slots__ = ()

    @override
    def __repr__(self) -> str:
        return "'***'"


def resolve_secret(value: object, base: Path) -> Secret:
    """Return the secret that `value` is or points to.

    Args:
        value: A text, `{ file = "path" }` or `{ env = "NAME" }`. The path may begin
            with `$CREDENTIALS_DIRECTORY/`.
        base: What a relative path is relative to.

    Raises:
        ValueError: It is none of these, or is not where it is said to be. The
            message never holds the secret.
    """
    match value:
        case str():
            return Secret(value)
        case {"file": str() as name, **rest} if not rest:
            return _from_file(locate(name, base))
        case {"env": str() as name, **rest} if not rest:
            return _from_environment(name)
    raise ValueError('Expected a text, { file = "path" } or { env = "NAME" }')


def _from_file(path: Path) -> Secret:
    try:
        data = read_regular(path, MAX_SECRET_BYTES)
        text = data.decode().strip()
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not UTF-8") from error
    if not text or len(data) > MAX_SECRET_BYTES:
        raise ValueError(f"{path}: Expected 1 to {MAX_SECRET_BYTES} B")
    return Secret(text)


def _from_environment(name: str) -> Secret:
    if not os.environ.get(name):
        raise ValueError(f"the environment has no {name}")
    return Secret(os.environ[name])
