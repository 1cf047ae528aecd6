"""`baseload order`: documents that parties sign, made, sent and looked at."""

import secrets
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import msgspec

from protocol.errors import RemoteError
from protocol.oversight.document import (
    MAX_DOCUMENT_BYTES,
    MAX_LIFTS,
    Allow,
    Document,
    Lift,
    Limit,
    Pause,
    Policy,
    Revoke,
    document_id,
    read_document,
    written,
)
from protocol.oversight.rules import check_policy
from protocol.oversight.signature import NAMESPACE
from protocol.unreadable import UNREADABLE
from proxy.admin.client import AdminError, call
from proxy.admin.printable import printable
from proxy.admin.render import RENDERERS
from proxy.cli.command import Arguments, Parser, duration, print_json
from proxy.cli.power import watts
from proxy.cli.remote import socket_of, socket_option
from proxy.signals.signed.letters import TAKEN, WAITS
from proxy.signals.signed.words import words

MAX_SIGNATURE_BYTES = 2048
SEND_WITHIN = 15.0
"""Seconds for a site's answer over HTTP."""


def new_options(parser: Parser) -> None:
    """Declare the options of `order new`."""
    socket_option(parser)
    add = parser.add_argument
    add("site")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--limit", type=watts, metavar="WATTS", help="at most so much")
    what.add_argument("--allow", type=watts, metavar="WATTS", help="up to so much")
    what.add_argument("--lift", nargs="+", metavar="ID", help="limits that end now")
    what.add_argument("--pause", metavar="ROLE", help="who need not be present")
    what.add_argument("--revoke", nargs="+", metavar="KEY", help="that count no more")
    what.add_argument(
        "--policy", type=Path, metavar="FILE", help="JSON, however it is spelled"
    )
    add("--watts", type=watts, help="of --pause: at most so much meanwhile")
    add("--for", dest="for_s", type=duration, metavar="TIME", help="30m, 2h, 1d")
    add("--in", dest="in_s", type=duration, metavar="TIME", help="begins then [now]")
    add("--reason", default="", metavar="TEXT", help="for all who read it")
    about = "version of the policy in force [what the proxy says]"
    add("--under", type=int, metavar="N", help=about)
    add("-o", "--output", type=Path, required=True, metavar="FILE")


def new(arguments: Arguments) -> int:
    """Write a document, say what it means and how it is signed."""
    if arguments.policy is not None:
        document: Document = _policy(arguments.policy, arguments.site)
    else:
        document = _word(arguments)
    raw, path = written(document), arguments.output
    try:
        read_document(raw)
        with path.open("xb") as file:
            file.write(raw)
    except RemoteError as error:
        raise AdminError(str(error)) from error
    except OSError as error:
        raise AdminError(f"{path}: {error.strerror}") from error
    if arguments.json:
        print_json(
            {"id": document_id(raw), "file": str(path), "means": words(document)}
        )
        return 0
    sys.stdout.write(
        f"{words(document)}\n"
        f"{document_id(raw)}  {path}\n"
        "Each party signs the file as it is:\n"
        f"  ssh-keygen -Y sign -n {NAMESPACE.decode()} -f KEY {path}\n"
        f"  minisign -S -H -s KEY -m {path}\n"
    )
    return 0


def send_options(parser: Parser) -> None:
    """Declare the options of `order send`."""
    socket_option(parser)
    parser.add_argument("file", type=Path)
    about = "a key's name in the policy, and the file with its signature"
    parser.add_argument(
        "--by", action="append", required=True, metavar="KEY=FILE", help=about
    )
    where = "the site's listener, http://HOST:PORT [the admin socket]"
    parser.add_argument("--to", metavar="URL", help=where)


def send(arguments: Arguments) -> int:
    """Send a document with signatures; return 0 if it is taken, 1 if not."""
    raw = _read(arguments.file, MAX_DOCUMENT_BYTES)
    document = _document(raw, arguments.file)
    envelope = {
        "document": raw.decode(),
        "signatures": [_signature(text) for text in arguments.by],
    }
    if arguments.to is None:
        params = {"site": document.site, "envelope": envelope}
        answer = call(socket_of(arguments), "power.document", params)
    else:
        answer = _post(arguments.to, envelope)
    if arguments.json:
        print_json(answer)
    else:
        sys.stdout.write(_told(printable(answer), words(document)))
    return 0 if answer["reply"]["taken"] else 1


def show_options(parser: Parser) -> None:
    """Declare the options of `order show`."""
    parser.add_argument("file", type=Path)


def show(arguments: Arguments) -> int:
    """Say what a document means."""
    raw = _read(arguments.file, MAX_DOCUMENT_BYTES)
    document = _document(raw, arguments.file)
    if arguments.json:
        said = msgspec.json.decode(raw)
        means = {"id": document_id(raw), "means": words(document), "document": said}
        print_json(means)
        return 0
    sys.stdout.write(printable(f"{words(document)}\n{document_id(raw)}\n"))
    return 0


def pending_options(parser: Parser) -> None:
    """Declare the options of `order pending`."""
    socket_option(parser)
    parser.add_argument("site", nargs="?", default=None, help="[every site]")


def pending(arguments: Arguments) -> int:
    """Print what holds by signed documents, and what waits for whom."""
    found = call(socket_of(arguments), "power.documents", {"site": arguments.site})
    if arguments.json:
        print_json(found)
    else:
        sys.stdout.write(RENDERERS["power.documents"](printable(found)))
    return 0


def _word(arguments: Arguments) -> Document:
    """Return the document that the options describe."""
    now = int(time.time())  # noqa: TID251  (of whoever signs)
    said: dict[str, Any] = {
        "site": arguments.site,
        "v": 1,
        "policy": _version(arguments),
        "issued_at": now,
        "nonce": secrets.token_hex(16),
        "reason": arguments.reason,
    }
    if arguments.lift is not None:
        return Lift(**said, lifts=tuple(_ids(arguments)))
    if arguments.revoke is not None:
        return Revoke(**said, keys=tuple(arguments.revoke))
    if arguments.for_s is None:
        raise AdminError("for how long? --for 2h")
    begin = now + int(arguments.in_s or 0)
    said |= {"not_before": begin, "expires": begin + int(arguments.for_s)}
    if arguments.limit is not None:
        return Limit(**said, watts=int(arguments.limit))
    if arguments.allow is not None:
        return Allow(**said, watts=int(arguments.allow))
    if arguments.watts is None:
        raise AdminError("at most how much meanwhile? --watts 1.5M")
    return Pause(**said, watts=int(arguments.watts), role=arguments.pause)


def _version(arguments: Arguments) -> int:
    if arguments.under is not None:
        return int(arguments.under)
    view = call(socket_of(arguments), "power.documents", {"site": arguments.site})
    return int(view[0]["policies"][0]["version"])


def _ids(arguments: Arguments) -> list[str]:
    """Return whole ids of the limits that are meant; a beginning is enough."""
    wanted = arguments.lift[: MAX_LIFTS + 1]
    if all(len(name) == 64 for name in wanted):  # noqa: PLR2004  (SHA-256 in hex)
        return list(wanted)
    view = call(socket_of(arguments), "power.documents", {"site": arguments.site})
    limits = [d["id"] for d in view[0]["standing"] if d["kind"] == "limit"]
    found: list[str] = []
    for name in wanted:
        like = [i for i in limits if i.startswith(name)]
        if len(like) != 1:
            raise AdminError(f"{len(like)} limits that stand begin with {name!r}")
        found += like
    return found


def _policy(path: Path, site: str) -> Policy:
    """Return the policy in a file, however its JSON is spelled."""
    try:
        policy = msgspec.json.decode(_read(path, 4 * MAX_DOCUMENT_BYTES), type=Policy)
        check_policy(policy)
    except (*UNREADABLE, RemoteError) as error:
        raise AdminError(f"{path}: {error}") from error
    if policy.site != site:
        raise AdminError(f"{path}: for site {policy.site!r}, not {site!r}")
    return policy


def _document(raw: bytes, path: Path) -> Document:
    try:
        return read_document(raw)
    except RemoteError as error:
        raise AdminError(f"{path}: {error}") from error


def _read(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise AdminError(f"{path}: {error.strerror}") from error
    if len(data) > most:
        raise AdminError(f"{path}: more than {most} B")
    return data


def _signature(text: str) -> dict[str, str]:
    key, _, path = text.partition("=")
    if not path:
        raise AdminError(f"--by {text}: KEY=FILE, as plant-1={text or 'o.json.sig'}")
    try:
        value = _read(Path(path), MAX_SIGNATURE_BYTES).decode()
    except UnicodeDecodeError as error:
        raise AdminError(f"{path}: no signature") from error
    return {"key": key, "value": value}


def _post(url: str, envelope: dict[str, Any]) -> dict[str, Any]:
    """Send an envelope over HTTP; return the answer as the admin socket gives it."""
    if not url.startswith(("http://", "https://")):
        raise AdminError(f"--to {url}: http://HOST:PORT or https://HOST:PORT")
    request = urllib.request.Request(  # noqa: S310  (of http or https)
        f"{url.rstrip('/')}/v1/documents", data=msgspec.json.encode(envelope)
    )
    try:
        with urllib.request.urlopen(request, timeout=SEND_WITHIN) as found:  # noqa: S310
            return _reply(found.status, found.read(MAX_SIGNATURE_BYTES))
    except urllib.error.HTTPError as error:
        return _reply(error.code, error.read(MAX_SIGNATURE_BYTES))
    except OSError as error:
        raise AdminError(f"{url}: {error}") from error


def _reply(status: int, data: bytes) -> dict[str, Any]:
    try:
        return {"status": status, "reply": msgspec.json.decode(data, type=dict)}
    except UNREADABLE as error:
        raise AdminError(f"answer {status} that is none: {error}") from error


def _told(answer: Any, means: str) -> str:
    """Return what became of a document, for people."""
    reply = answer["reply"]
    if answer["status"] == TAKEN:
        leaf = reply.get("leaf")
        return f"taken, leaf {leaf} of the log\n{means}\n"
    if answer["status"] == WAITS:
        needs = "; ".join(reply.get("needs", ()))
        return f"waits, needs {needs}\n{means}\n"
    return f"refused: {reply.get('reason', '')}\n"
