"""`baseload init`: ask five things, write a configuration that works."""

import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile

import msgspec
from attrs import frozen

from proxy.cli.check import found_in
from proxy.cli.command import Arguments, Parser, print_json
from proxy.config import ConfigError
from proxy.config.load import read_config
from proxy.runtime.whole_file import sync_folder

NODE = ("http://", "https://")
"""What a node's address begins with; all else is a pool's."""

NOBODYS = "bcrt1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqdku202"
"""Stands for an address that is not answered yet; it is never written."""

TRIES = 3
"""Answers that are no good before it gives up."""

_LONE = re.compile("[\ud800-\udfff]")

Answers = dict[str, str]


@frozen
class Question:
    """Something to ask, unless an option says it.

    Attributes:
        key: Name of the option, and of the answer.
        pool: How it is asked where work comes from a pool.
        node: Where it comes from a node of one's own.
        default: Taken for an empty answer, by the kind of source; empty: there is none.
    """

    key: str
    pool: str
    node: str
    default: tuple[str, str] = ("", "")


QUESTIONS = (
    Question(
        "source",
        "Where does work come from? stratum+tcp://POOL:PORT, or http://NODE:PORT",
        "Where does work come from? stratum+tcp://POOL:PORT, or http://NODE:PORT",
    ),
    Question(
        "user", "Which account at the pool?", "To which address are blocks paid?"
    ),
    Question(
        "secret",
        "Its password there?",
        "Where is the node's cookie?",
        ("x", "~/.bitcoin/.cookie"),
    ),
    Question(
        "port",
        "On which port do miners connect?",
        "On which port do miners connect?",
        ("3333", "3333"),
    ),
    Question("site", "What is the site called?", "What is the site called?",
             ("hall-a", "hall-a")),
)  # fmt: skip

SAMPLE: Answers = {
    "source": "stratum+tcp://127.0.0.1:3333",
    "secret": "x",
    "port": "0",
    "site": "a",
}
"""Answers that are good, for those that are still to come."""


def init_options(parser: Parser) -> None:
    """Add the options of `init`."""
    add = parser.add_argument
    file = Path("baseload.toml")
    add("file", nargs="?", type=Path, default=file, metavar="FILE", help=f"[{file}]")
    add("--source", metavar="URL", help="stratum+tcp://POOL:PORT or http://NODE:PORT")
    add("--user", help="account at the pool; address that the node's blocks pay to")
    add("--secret", help="password at the pool [x]; path of the node's cookie")
    add("--port", help="for miners [3333]")
    add("--site", help="its name [hall-a]")


def init(arguments: Arguments) -> int:
    """Write a new configuration; return 1 if there is a file of that name.

    Raises:
        ConfigError: It was not written; the message says why.
    """
    path: Path = arguments.file
    if os.path.lexists(path):
        raise ConfigError(f"{path} is there already: it is left as it is")
    if not path.absolute().parent.is_dir():
        raise ConfigError(f"{path}: there is no folder {path.absolute().parent}")
    answers: Answers = {}
    for question in QUESTIONS:
        given = getattr(arguments, question.key)
        answers[question.key] = _answer(question, given, answers, path)
    try:
        _write_new(path, text_of(answers))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    _tell(arguments, path)
    return 0


def text_of(answers: Mapping[str, str]) -> str:
    """Return the configuration that follows from all answers."""
    is_node = answers["source"].startswith(NODE)
    source = _node(answers) if is_node else _pool(answers)
    return (
        "# Every key: baseload help config. To take on changes: baseload reload\n\n"
        "[proxy]\n"
        'state_dir = "state"                 # the ledger, beside this file\n'
        'admin = "unix:state/admin.sock"     # for its owner alone\n\n'
        f"{source}\n"
        "[[sites]]\n"
        f"name = {_quoted(answers['site'])}\n"
        f"listen = [{_quoted('tcp:' + answers['port'])}]\n"
        f'sources = ["{"node" if is_node else "main"}"]\n'
    )


def _pool(answers: Mapping[str, str]) -> str:
    return (
        "[[pools]]\n"
        'name = "main"\n'
        f"url = {_quoted(answers['source'])}\n"
        f"user = {_quoted(answers['user'])}\n"
        f"password = {_quoted(answers['secret'])}\n"
    )


def _node(answers: Mapping[str, str]) -> str:
    cookie = str(Path(answers["secret"]).expanduser())
    return (
        "[[nodes]]\n"
        'name = "node"\n'
        f"rpc = {_quoted(answers['source'])}\n"
        f"cookie_file = {_quoted(cookie)}\n"
        f"payout_address = {_quoted(answers['user'])}\n"
        '# zmq_hashblock = "tcp://127.0.0.1:28332"  # new blocks at once:'
        " bitcoind -zmqpubhashblock\n"
    )


def _quoted(text: str) -> str:
    """Return a TOML text; JSON's escapes are a part of TOML's."""
    return msgspec.json.encode(text).decode().replace("\x7f", "\\u007f")


def _answer(question: Question, given: str | None, before: Answers, path: Path) -> str:
    """Return a good answer: as given, or asked for until it is.

    Raises:
        ConfigError: The option is no good, or no good answer comes.
    """
    if given is not None:
        for fault in _faults({**before, question.key: given}, path):
            raise ConfigError(f"--{question.key}: {fault}")
        return given
    for _ in range(TRIES):
        answer = _asked(question, before)
        faults = list(_faults({**before, question.key: answer}, path))
        if not faults:
            return answer
        sys.stderr.write(f"  {faults[0]}\n")
    raise ConfigError(f"no good answer; nothing was written (--{question.key} sets it)")


def _asked(question: Question, before: Answers) -> str:
    """Ask on standard error, so that standard output is the result alone."""
    is_node = before.get("source", "").startswith(NODE)
    default = question.default[is_node]
    hint = f" [{default}]" if default else ""
    sys.stderr.write(f"{question.node if is_node else question.pool}{hint} ")
    sys.stderr.flush()
    try:
        line = sys.stdin.readline()
    except UnicodeDecodeError as error:
        why = f"the answer is not UTF-8 (byte {error.start})"
        raise ConfigError(f"{why}; nothing was written") from error
    if not line:
        sys.stderr.write("\n")
        if default and not sys.stdin.isatty():
            return default
        raise ConfigError(f"no answer; nothing was written (--{question.key} sets it)")
    return line.strip() or default


def _faults(answers: Answers, path: Path) -> Iterator[str]:
    """Yield what is wrong with the answers so far."""
    if _LONE.search(
        "".join(answers.values())
    ):  # so the interpreter reads bytes that are no UTF-8
        yield "it is not UTF-8"
        return
    is_node = answers["source"].startswith(NODE)
    user = NOBODYS if is_node else "account"
    tried = text_of({**SAMPLE, "user": user, **answers})
    with NamedTemporaryFile(dir=path.absolute().parent, prefix=".baseload-") as file:
        file.write(tried.encode())
        file.flush()
        yield from (str(fault) for fault in found_in(read_config(Path(file.name)))[0])


def _write_new(path: Path, text: str) -> None:
    """Write a file that was not there, whole, for its owner alone.

    Raises:
        OSError: It is there, or the folder does not take it.
    """
    folder = path.absolute().parent
    with NamedTemporaryFile(dir=folder, prefix=".baseload-") as file:
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())
        try:
            os.link(file.name, path)  # refuses to take the name of another file
        except FileExistsError:
            raise
        except OSError:  # exFAT and some network mounts have no links
            _write_there(path, text)
    sync_folder(folder)


def _write_there(path: Path, text: str) -> None:
    """Write a new file under its name at once; nothing stays of one that fails."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        path.unlink()
        raise


def _tell(arguments: Arguments, path: Path) -> None:
    warnings = [str(fault) for fault in found_in(read_config(path))[1]]
    if arguments.json:
        print_json({"file": str(path), "warnings": warnings})
        return
    sys.stdout.write("".join(f"warning: {warning}\n" for warning in warnings))
    sys.stdout.write(
        f"{path} is written, for its owner alone (0600).\n"
        f"Start it: baseload run -c {path}\n"
        f"Look at it: baseload status -c {path}.\n"
        "Hold it to a power budget: [sites.power], see baseload help config.\n"
    )
