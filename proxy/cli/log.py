"""`baseload log`: the event log for others to check."""

import sys
from pathlib import Path

from msgspec import Struct

from proxy.cli.command import Arguments, Parser, config_option, print_json
from proxy.config import ConfigError, load_proxy


class ProofView(Struct):
    """Files that prove one row.

    Attributes:
        row: Its id.
        index: Its place in the log, from 0.
        leaf: File with its bytes.
        proof: File with the proof (c2sp.org/tlog-proof).
    """

    row: int
    index: int
    leaf: str
    proof: str


def proof_options(parser: Parser) -> None:
    """Add the options of `log proof`."""
    config_option(parser)
    parser.add_argument("id", type=int, help="of the row, as `power history` shows it")
    about = "folder for ID.leaf and ID.tlog-proof [here]"
    parser.add_argument("-o", dest="out", type=Path, default=Path(), help=about)


def proof(arguments: Arguments) -> int:
    """Write the proof of one row, from the files of the log.

    Raises:
        ConfigError: It is not in the log, or files are missing.
    """
    from protocol.errors import MalformedMessageError  # noqa: PLC0415  (cryptography)
    from proxy.oversight.folder import (  # noqa: PLC0415
        LOG_FOLDER,
        LogFolder,
        LogFolderError,
    )
    from proxy.oversight.proving import prove  # noqa: PLC0415

    state = Path(load_proxy(arguments.config).state_dir)
    try:
        found = prove(LogFolder(state / LOG_FOLDER), arguments.id)
        view = ProofView(
            arguments.id,
            found.proof.index,
            str(arguments.out / f"{arguments.id}.leaf"),
            str(arguments.out / f"{arguments.id}.tlog-proof"),
        )
        Path(view.leaf).write_bytes(found.leaf)
        Path(view.proof).write_bytes(found.proof.raw)
    except (LogFolderError, MalformedMessageError) as error:
        raise ConfigError(str(error)) from error
    except OSError as error:
        raise ConfigError(f"{error.filename}: {error.strerror}") from error
    if arguments.json:
        print_json(view)
    else:
        sys.stdout.write(f"leaf {view.index}: {view.leaf}, {view.proof}\n")
    return 0


class DisclosedView(Struct):
    """What was written to show one tenant its own rows.

    Attributes:
        openings: How many values it opens.
    """

    tenant: str
    openings: int
    file: str


def disclose_options(parser: Parser) -> None:
    """Add the options of `log disclose`."""
    config_option(parser)
    about = "whose values are shown; those of all others stay hidden"
    parser.add_argument("--tenant", required=True, help=about)
    about = "file to be made, a value a line [TENANT.openings]"
    parser.add_argument("-o", dest="out", type=Path, default=None, help=about)


def disclose(arguments: Arguments) -> int:
    """Write what opens the hidden values of one tenant, for `verify --openings`.

    Raises:
        ConfigError: The database cannot be read, or the file be made.
    """
    import sqlite3  # noqa: PLC0415  (other commands need no database)
    from contextlib import closing  # noqa: PLC0415

    from proxy.power.journal.database import STORE_FILE  # noqa: PLC0415
    from proxy.power.journal.openings import openings_of  # noqa: PLC0415
    from proxy.runtime.database_file import reading  # noqa: PLC0415

    state = Path(load_proxy(arguments.config).state_dir)
    out = arguments.out or Path(f"{arguments.tenant}.openings")
    count = 0
    try:
        with (
            closing(reading(state / STORE_FILE)) as db,
            out.open("w", encoding="ascii") as file,
        ):
            for one in openings_of(db, arguments.tenant):
                file.write(f"{one.event} {one.text}\n")
                count += 1
    except sqlite3.Error as error:
        raise ConfigError(f"{state / STORE_FILE}: {error}") from error
    except OSError as error:
        raise ConfigError(f"{out}: {error.strerror}") from error
    view = DisclosedView(arguments.tenant, count, str(out))
    if arguments.json:
        print_json(view)
    else:
        sys.stdout.write(f"{view.file}: opens {count} values of {view.tenant}\n")
    return 0
