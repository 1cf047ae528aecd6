"""`baseload backup`, `export` and `statement`: what is taken out of the databases."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from proxy.cli.command import Arguments, Parser, config_option, print_json
from proxy.config import Config, load_config
from proxy.records.error import RecordsError
from proxy.version import VERSION

if TYPE_CHECKING:
    from proxy.records.tenants import Tenants

RESTORE = "How to restore: `baseload help data`."
WHAT = ("shares", "work", "energy", "upstream")
SPANS = ("minute", "hour", "day")


def moment(text: str) -> float:
    """Return Unix seconds of a date, a time or a number; without a zone it is UTC."""
    try:
        return float(text)
    except ValueError:
        found = datetime.fromisoformat(text)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


moment.__name__ = "time (2026-10-01, 2026-10-01T12:00+02:00 or Unix seconds)"


def backup_options(parser: Parser) -> None:
    """Add the options of `backup`."""
    parser.epilog = RESTORE
    parser.add_argument(
        "folder", type=Path, help="to be made; with --check: to be read"
    )
    parser.add_argument("-c", "--config", type=Path, metavar="FILE")
    parser.add_argument("--check", action="store_true", help="read a backup whole")
    shares = parser.add_mutually_exclusive_group()
    shares.add_argument(
        "--with-shares",
        dest="shares",
        action="store_true",
        default=None,
        help="single shares, too [unless the ledger is above 10 GB]",
    )
    shares.add_argument(
        "--without-shares",
        dest="shares",
        action="store_false",
        help="sums, blocks and what was sent to pools alone",
    )


def backup(arguments: Arguments) -> int:
    """Copy the state folder of a proxy, running or not, or check such a copy.

    Raises:
        RecordsError: It is not to be had.
    """
    from proxy.records.backup import back_up, check_backup  # noqa: PLC0415  (numpy)

    if arguments.check:
        manifest = check_backup(arguments.folder)
    elif arguments.config is None:
        raise RecordsError("which proxy? name its configuration by -c FILE")
    else:
        manifest = back_up(
            _state(load_config(arguments.config)),
            arguments.folder,
            version=VERSION,
            at=_now(),
            shares=arguments.shares,
        )
    if arguments.json:
        print_json(manifest)
        return 0
    size = sum(file.bytes for file in manifest.files)
    shares = "" if manifest.has_shares else ", without single shares"
    sys.stdout.write(
        f"{arguments.folder}: {len(manifest.files)} files, {size / 1e6:,.1f} MB"
        f"{shares}, each read whole\n"
    )
    return 0


def export_options(parser: Parser) -> None:
    """Add the options of `export`."""
    config_option(parser)
    add = parser.add_argument
    add("what", choices=WHAT, metavar="WHAT", help=", ".join(WHAT))
    add("--from", dest="since", type=moment, default=0.0, metavar="TIME", help="[all]")
    add("--to", dest="until", type=moment, default=None, metavar="TIME", help="[now]")
    add("--by", choices=SPANS, default="hour", help="of work and energy [hour]")
    add("--format", choices=("csv", "jsonl", "parquet"), default="csv", help="[csv]")
    add("--tenant", help="whose rows [everybody's]")
    add("--site", help="of which site [each]")
    add("-o", "--output", type=Path, metavar="FILE", help="[standard output]")


def export(arguments: Arguments) -> int:
    """Stream rows of a table; what came of it goes to standard error.

    With `--json` they are JSON, an object a line, and what came of it is the last.

    Raises:
        RecordsError: They cannot be had.
    """
    from proxy.records.formats import write_rows  # noqa: PLC0415
    from proxy.records.tables import EXPORTS, Wanted  # noqa: PLC0415

    config = load_config(arguments.config)
    table = EXPORTS[arguments.what]
    if table.spans and arguments.by not in table.spans:
        raise RecordsError(f"{arguments.what} is kept by {' and '.join(table.spans)}")
    tenants = _tenants(config, arguments.tenant)
    until = _now() if arguments.until is None else arguments.until
    wanted = Wanted(
        arguments.since, until, arguments.tenant, arguments.site, arguments.by
    )
    name = "jsonl" if arguments.json else arguments.format
    with _output(arguments.output, binary=name == "parquet") as stream:
        rows = table.rows(_state(config), wanted, tenants)
        summary = write_rows(stream, name, table.columns, rows)
    if arguments.json:
        print_json(summary)
    else:
        sys.stderr.write(msgspec.json.encode(summary).decode() + "\n")
    return 0


def statement_options(parser: Parser) -> None:
    """Add the options of `statement`."""
    config_option(parser)
    add = parser.add_argument
    add("month", help="2026-10")
    add("--tenant", help="whose [the sites', and each tenant's]")
    add("--time-zone", default="UTC", metavar="ZONE", help="of its days [UTC]")
    add("--format", choices=("csv", "html"), default="csv", help="html: to print [csv]")
    add("-o", "--output", type=Path, metavar="FILE", help="[standard output]")


def statement(arguments: Arguments) -> int:
    """Print what a month came to for each tenant.

    Raises:
        RecordsError: It cannot be had.
    """
    from proxy.records.month import Month  # noqa: PLC0415
    from proxy.records.page import COLUMNS, csv_text, page, rows  # noqa: PLC0415
    from proxy.records.statement import statements  # noqa: PLC0415

    config = load_config(arguments.config)
    month = Month.of(arguments.month, arguments.time_zone)
    tenants = _tenants(config, arguments.tenant)
    found = statements(_state(config), month, tenants, _now(), arguments.tenant)
    if arguments.json:
        print_json([dict(zip(COLUMNS, row, strict=True)) for row in rows(found)])
        return 0
    text = csv_text(found) if arguments.format == "csv" else page(found)
    with _output(arguments.output) as stream:
        stream.write(text.encode())
    return 0


def _tenants(config: Config, tenant: str | None) -> "Tenants":
    from proxy.power.journal.database import STORE_FILE  # noqa: PLC0415
    from proxy.records.tenants import Tenants, addresses_in  # noqa: PLC0415

    found = Tenants.of(config, addresses_in(_state(config) / STORE_FILE))
    found.require([] if tenant is None else [tenant])
    return found


def _now() -> float:
    return datetime.now(UTC).timestamp()


def _state(config: Config) -> Path:
    return Path(config.proxy.state_dir)


@contextmanager
def _output(path: Path | None, *, binary: bool = False) -> Iterator[BinaryIO]:
    """Open what is written to; a file appears once it is whole.

    Raises:
        RecordsError: It cannot be written to.
    """
    if path is None:
        if binary and sys.stdout.isatty():
            raise RecordsError("this is nothing for a terminal: name a file by -o FILE")
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    draft = path.with_name(path.name + ".partial")
    try:
        with draft.open("wb") as stream:
            yield stream
        draft.replace(path)
    except OSError as error:
        raise RecordsError(f"{path} cannot be written: {error}") from error
    finally:
        draft.unlink(missing_ok=True)
