"""Servers that the makers' fakes stand behind: cgminer's port, and a small web."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from attrs import field, frozen

Json = Any
MAX_REQUEST = 1 << 20
CGMINER_PORT = 4028
OK = [{"STATUS": "S", "When": 1, "Code": 11, "Msg": "ok", "Description": "fake"}]


def refusal(message: str = "Invalid command", code: int = 14) -> Json:
    """Return cgminer's way of saying no."""
    status = {"STATUS": "E", "When": 1, "Code": code, "Msg": message}
    return {"STATUS": [status | {"Description": ""}], "id": 1}


async def serve_cgminer(
    address: str, answer: Callable[[Json], Awaitable[Json | None]]
) -> asyncio.Server:
    """Serve one JSON object a connection, answered by one and a NUL; None: hang up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, ValueError, TimeoutError, asyncio.CancelledError):
            reply = await answer(await _request(reader))
            if reply is not None:
                writer.write(json.dumps(reply).encode() + b"\0")
                await writer.drain()
        writer.close()

    return await asyncio.start_server(serve, address, CGMINER_PORT)


async def _request(reader: asyncio.StreamReader) -> Json:
    data = b""
    while len(data) < MAX_REQUEST:
        more = await asyncio.wait_for(reader.read(4096), 60)
        if not more:
            break
        data += more
        with suppress(ValueError):
            return json.loads(data)
    raise ValueError("no request")


@frozen
class Request:
    """What a web client asks."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Json:
        """Return the body, {} if it has none."""
        return json.loads(self.body or b"{}")


@frozen
class Page:
    """What a web server answers."""

    status: int
    body: bytes
    headers: dict[str, str] = field(factory=dict)


def json_page(value: Json, status: int = 200) -> Page:
    """Return `value` as a page of JSON."""
    header = {"Content-Type": "application/json"}
    return Page(status, json.dumps(value).encode(), header)


def html_page(title: str) -> Page:
    """Return a page by whose title pyasic knows a firmware."""
    return Page(200, f"<html><title>{title}</title></html>".encode())


NOT_FOUND = Page(404, b"<html>404</html>")


async def serve_web(
    address: str, port: int, answer: Callable[[Request], Awaitable[Page | None]]
) -> asyncio.Server:
    """Serve HTTP/1.1; None hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(
            OSError, ValueError, asyncio.IncompleteReadError, asyncio.CancelledError
        ):
            while (page := await answer(await _web_request(reader))) is not None:
                writer.write(_page_bytes(page))
                await writer.drain()
        writer.close()

    return await asyncio.start_server(serve, address, port)


async def _web_request(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin1").split("\r\n")
    method, path, _ = head[0].split(" ", 2)
    pairs = (line.partition(":") for line in head[1:] if line)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    size = min(int(headers.get("content-length", 0)), MAX_REQUEST)
    return Request(method, path, headers, await reader.readexactly(size))


def _page_bytes(page: Page) -> bytes:
    headers = {"Content-Length": str(len(page.body))} | page.headers
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {page.status} X\r\n{lines}\r\n".encode() + page.body
