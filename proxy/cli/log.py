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
