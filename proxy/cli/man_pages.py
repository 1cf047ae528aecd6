"""The manual pages, made of the parser and of the configuration's sections.

`python -m proxy.cli.man_pages` writes them anew into `proxy/cli/man`; a test holds them
to what the program takes. They are kept as files because a build has neither the
parser's nor the sections' libraries at hand.
"""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

from proxy.cli.main import whole_parser
from proxy.config.reference import Key, Table, about_of, heading_of, tables
from proxy.version import VERSION

FOLDER = Path(__file__).parent / "man"

_CODE = re.compile(r"`([^`]+)`")

_BEFORE = """\
.SH DESCRIPTION
Miners connect to it, pools and Bitcoin nodes stand above it. It judges each share,
keeps a ledger of them, and holds a site to a power budget. Everything is set in one
file, see
.BR baseload.toml (5);
commands that look at or steer a running proxy reach it over its admin socket, which
.BR \\-s ,
.B \\-c
or
.B BASELOAD_ADMIN
names. Times are in seconds, pages are counted from 0. Every command but those that run
until they are stopped takes
.BR \\-\\-json ,
and prints JSON then (
.B run
logs as JSON).
"""

_AFTER = """\
.SH EXIT STATUS
.TP
0
Done.
.TP
1
Refused or failed; standard error says why.
.TP
2
Wrong usage.
.TP
130
Stopped by an interrupt.
.SH ENVIRONMENT
.TP
.B BASELOAD_ADMIN
Path of the admin socket of commands without
.B \\-s
and
.BR \\-c .
.TP
.B BASELOAD__A__B
Sets the key
.I b
of the table
.I a
and beats the file, see
.BR baseload.toml (5).
.TP
.B CREDENTIALS_DIRECTORY
Where secrets given by systemd are found.
.SH SIGNALS
.TP
.B SIGTERM, SIGINT
End it: what is under way is finished.
.TP
.B SIGHUP
Read the configuration again; a process with a controlling terminal ends.
.TP
.B SIGUSR1
Open the log file again.
.SH SEE ALSO
.BR baseload.toml (5)
"""

_FILE = """\
.SH DESCRIPTION
A TOML file. Relative paths are relative to it. A key that is not known, or a value that
cannot be, is an error that names both;
.B baseload check\\-config \\-c
.I FILE
lists all of them. Any key can come from the environment instead:
.B BASELOAD__POOLS__MAIN__URL
sets
.I url
of the row
.I main
of
.IR [[pools]] .
In brackets is what holds without a key.
"""


def pages() -> dict[str, str]:
    """Return each page's text in man's own macros, by the name of its file."""
    return {
        "baseload.1": "".join(_program()),
        "baseload.toml.5": "".join(_configuration()),
    }


def write(folder: Path = FOLDER) -> None:
    """Write all pages into `folder`."""
    folder.mkdir(exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")


def _program() -> Iterator[str]:
    parser = whole_parser()
    yield _head("BASELOAD", 1, "baseload", "hold a mining site to its power budget")
    yield ".SH SYNOPSIS\n.B baseload\n.I COMMAND\n[\\fIOPTION\\fR ...]\n"
    yield _BEFORE
    yield ".SH COMMANDS\n"
    yield from _commands(parser)
    yield _AFTER


def _configuration() -> Iterator[str]:
    yield _head("BASELOAD.TOML", 5, "baseload.toml", "the configuration of baseload")
    yield _FILE
    for table in tables():
        if table.keys:
            yield from _section(table)
    yield ".SH SEE ALSO\n.BR baseload (1)\n"


def _head(title: str, section: int, name: str, what: str) -> str:
    return (
        f'.TH {title} {section} "" "baseload {VERSION}"\n.SH NAME\n{name} \\- {what}\n'
    )


def _commands(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield each command below `parser`, with its options."""
    for action in parser._actions:  # noqa: SLF001  (argparse has no other way in)
        if not isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            continue
        for one in action.choices.values():
            inner = "".join(_commands(one))
            yield inner or "".join(_command(one))


def _command(parser: argparse.ArgumentParser) -> Iterator[str]:
    actions = [
        action
        for action in parser._actions  # noqa: SLF001
        if not isinstance(action, argparse._HelpAction)  # noqa: SLF001
    ]
    usage = " ".join([f"\\fB{_escaped(parser.prog)}\\fR", *map(_usage, actions)])
    yield f".SS {usage}\n{_sentence(parser.description or '')}\n"
    if parser.epilog:
        yield f".PP\n{_text(parser.epilog)}\n"
    for action in actions:
        if said := _said(action):
            yield f".TP\n{_named(action)}\n{_text(said)}\n"


def _usage(action: argparse.Action) -> str:
    named = _named(action, all_names=False)
    if action.option_strings:
        return named if action.required else f"[{named}]"
    return f"[{named}]" if action.nargs in {"?", "*"} else named


def _named(action: argparse.Action, *, all_names: bool = True) -> str:
    """Return an option with what it takes, or an argument."""
    value = "" if action.nargs == 0 else f"\\fI{_escaped(_value(action))}\\fR"
    names = action.option_strings if all_names else action.option_strings[:1]
    if not names:
        return value
    text = ", ".join(f"\\fB{_escaped(name)}\\fR" for name in names)
    return f"{text} {value}" if value else text


def _value(action: argparse.Action) -> str:
    if action.choices is not None:
        return "|".join(map(str, action.choices))
    if isinstance(action.metavar, str):
        return action.metavar
    return action.dest.upper() if action.option_strings else action.dest


def _said(action: argparse.Action) -> str:
    """Return what an option's help says; what all take is said once, at the top."""
    if action.option_strings == ["--json"]:
        return ""
    return (action.help or "") % vars(action)


def _section(table: Table) -> Iterator[str]:
    yield f".SH {_escaped(heading_of(table.place))}\n"
    if about := about_of(table.about):
        yield f"{_text(about)}\n"
    for key in table.keys:
        yield f".TP\n\\fB{_escaped(key.name)}\\fR {_kind(key)}\n{_text(key.meaning)}\n"


def _kind(key: Key) -> str:
    default = f"[{key.default}]" if key.default else "required"
    return _escaped(f"({key.kind}) {default}")


def _sentence(text: str) -> str:
    """Return words as a sentence."""
    shown = _text(text)
    return f"{shown[:1].upper()}{shown[1:]}."


def _text(text: str) -> str:
    """Return running text: code in bold, and no line that is taken for a macro."""
    parts = _CODE.split(" ".join(text.split()))
    words = [
        f"\\fB{_escaped(part)}\\fR" if number % 2 else _escaped(part)
        for number, part in enumerate(parts)
    ]
    shown = "".join(words)
    return f"\\&{shown}" if shown[:1] in {".", "'"} else shown


def _escaped(text: str) -> str:
    return text.replace("\\", "\\e").replace("-", "\\-")


if __name__ == "__main__":
    write()
