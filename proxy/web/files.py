"""The pages and all that they load: read once, at the start."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from attrs import frozen

from proxy.web.answers import HTML, Answer, ProblemError
from proxy.web.asked import Asked

STATIC = Path(__file__).parent / "static"

_KINDS = {
    ".html": HTML,
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".json": "application/json",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}

_PAGES = ("/", "/fleet", "/pools", "/tenants", "/events", "/login")
_MACHINE = "/m/"
_INDEX = "/index.html"


@frozen
class Files:
    """What is served beside the API, by path."""

    _by_path: Mapping[str, tuple[bytes, str, str]]

    @classmethod
    def read(cls, folder: Path = STATIC) -> "Files":
        """Return the files in `folder`; of a kind that no page loads, none."""
        found = {}
        for path in sorted(folder.rglob("*")):
            kind = _KINDS.get(path.suffix)
            if kind is not None and path.is_file():
                body = path.read_bytes()
                tag = f'"{sha256(body).hexdigest()[:16]}"'
                found[f"/{path.relative_to(folder).as_posix()}"] = body, kind, tag
        return cls(found)

    def answer(self, asked: Asked) -> Answer:
        """Return a page or a file.

        Raises:
            ProblemError: There is none.
        """
        found = self._found(asked.path)
        if found is None:
            raise ProblemError(404, "no such page")
        body, kind, tag = found
        headers = {"cache-control": "no-cache", "etag": tag}
        if asked.headers.get("if-none-match") == tag:
            return Answer(b"", kind, 304, headers)
        return Answer(body, kind, headers=headers)

    def has(self, path: str) -> bool:
        """Return whether there is a page or a file."""
        return self._found(path) is not None

    def _found(self, path: str) -> tuple[bytes, str, str] | None:
        is_page = path in _PAGES or (path.startswith(_MACHINE) and path != _MACHINE)
        return self._by_path.get(_INDEX if is_page else path)
