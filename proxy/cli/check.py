"""`baseload check-config`: read a configuration, look at what it names, and stop."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from attrs import define, field

from proxy.admin.render_sources import instance_line
from proxy.cli.command import Arguments, Parser, config_option, print_json, seconds
from proxy.config import Config, ConfigError
from proxy.config.fault import Fault, fault_of
from proxy.config.load import Reading, read_config
from proxy.config.places import nearest_place
from proxy.config.secret import Secret
from proxy.runtime.instance import InstanceFileError, kept_instance

FROM_ENVIRONMENT = "the environment"


def check_options(parser: Parser) -> None:
    """Add the options of `check-config`."""
    config_option(parser)
    parser.add_argument(
        "--nodes", action="store_true", help="ask each node, and propose a block to it"
    )
    parser.add_argument(
        "--values", action="store_true", help="print each setting and its source"
    )


def doctor_options(parser: Parser) -> None:
    """Add the options of `doctor`, which begins with the same check."""
    config_option(parser)
    about = "times as long for each check, where machine or network is slow [1]"
    parser.add_argument(
        "--patience", type=seconds, default=1.0, metavar="N", help=about
    )


@define
class Report:
    """What came of a check.

    Attributes:
        summary: As `--json` prints it.
        text: As people read it.
        faults: What stops a start, one to a line.
    """

    summary: dict[str, Any] = field(factory=dict)
    text: str = ""
    faults: list[str] = field(factory=list)


def check(arguments: Arguments) -> int:
    """Say whether a configuration is good; return 1 if it or a node of it is not.

    Raises:
        ConfigError: It cannot be read at all.
    """
    path = arguments.config
    reading = read_config(path)
    report = Report()
    faults, warnings = found_in(reading)
    _tell_of_faults(report, path, faults)
    if reading.config is not None:
        _tell_of_settings(report, path, reading, reading.config)
    report.summary["warnings"] = [str(warning) for warning in warnings]
    report.text += "".join(f"warning: {warning}\n" for warning in warnings)
    if reading.config is not None and not faults:
        _tell_of_nodes(report, reading.config, asks=arguments.nodes)
    if arguments.values and reading.config is not None:
        _tell_of_values(report, reading.config, reading.places)
    if arguments.json:
        print_json(report.summary)
    else:
        sys.stdout.write(report.text)
    sys.stderr.write("".join(f"baseload: {line}\n" for line in report.faults))
    return 1 if report.faults else 0


def found_in(reading: Reading) -> tuple[list[Fault], list[Fault]]:
    """Return what stops a start, and what is only to be known."""
    # numpy and Twisted, for this alone
    from proxy.share_process.preflight import preflight  # noqa: PLC0415
    from proxy.supervisor.service import doubts, power_faults  # noqa: PLC0415

    draft = reading.draft
    sentences = power_faults(draft, reading.is_sound)
    findings = list(preflight(draft))
    faults = [fault_of(sentence) for sentence in sentences]
    faults += [found.fault for found in findings if found.stops_start]
    warnings = [fault_of(sentence) for sentence in doubts(draft)]
    warnings += [found.fault for found in findings if not found.stops_start]
    more = [_placed(f, reading.places) for f in faults if not reading.is_told(f.key)]
    return [*reading.faults, *more], [w for w in warnings if not reading.is_told(w.key)]


def _placed(fault: Fault, places: Mapping[str, str]) -> Fault:
    place = nearest_place(fault.key, places)
    return Fault(fault.text, fault.key, place)


def _tell_of_faults(report: Report, path: Path, faults: list[Fault]) -> None:
    if not faults:
        return
    report.summary["faults"] = [
        {"text": f.text, "key": f.key, "place": f.place} for f in faults
    ]
    report.faults = [
        f"{path}{f', {fault.place}' if fault.place else ''}: {fault}"
        for fault in faults
    ]


def _tell_of_settings(
    report: Report, path: Path, reading: Reading, config: Config
) -> None:
    report.summary["sites"] = len(config.sites)
    report.summary["pools"] = len(config.pools)
    if not report.faults:
        sites = "1 site" if len(config.sites) == 1 else f"{len(config.sites)} sites"
        report.text += f"{path}: {sites}, good\n"
    set_there = {
        key: place
        for key, place in reading.places.items()
        if place.startswith(FROM_ENVIRONMENT)
    }
    if set_there:
        report.summary["environment"] = set_there
    report.text += "".join(f"{key}: {place}\n" for key, place in set_there.items())


def _tell_of_nodes(report: Report, config: Config, *, asks: bool) -> None:
    about = ""
    if config.nodes:
        instance = report.summary["instance"] = _instance(config)
        prefixes = report.summary["prefixes"] = _prefixes(config, instance)
        about = _about_instance(instance, prefixes)
    if asks:
        from proxy.share_process.lone import check_nodes  # noqa: PLC0415

        reports = report.summary["nodes"] = check_nodes(config)
        report.faults += [f"node {n.name}: {n.text}" for n in reports if not n.ok]
        report.text += "".join(
            f"{node.name}: {node.version} on {node.chain}, height {node.height}, "
            f"{node.text}\n"
            for node in reports
            if node.ok
        )
    report.text += about


def _tell_of_values(report: Report, config: Config, places: Mapping[str, str]) -> None:
    values = report.summary["values"] = [
        {"key": key, "value": value, "place": places.get(key, "default")}
        for key, value in _values(config, "$")
    ]
    report.text += "".join(
        f"{v['key']} = {msgspec.json.encode(v['value']).decode()}  # {v['place']}\n"
        for v in values
    )


def _values(value: object, key: str) -> Iterator[tuple[str, object]]:
    """Yield each setting that is no table, with its key; secrets are hidden."""
    match value:
        case msgspec.Struct():
            for name in value.__struct_fields__:
                yield from _values(getattr(value, name), f"{key}.{name}")
        case list() | tuple() if any(isinstance(v, msgspec.Struct) for v in value):
            for index, inner in enumerate(value):
                yield from _values(inner, f"{key}[{index}]")
        case None:
            return
        case Secret():
            yield key, "***"
        case Path():
            yield key, str(value)
        case _:
            yield key, value


def _instance(config: Config) -> int | None:
    """Return the process's number on its nodes; None: it is drawn at the first start.

    Raises:
        ConfigError: The number is kept where it cannot be read.
    """
    if config.proxy.instance is not None:
        return config.proxy.instance
    try:
        return kept_instance(Path(config.proxy.state_dir))
    except InstanceFileError as error:
        raise ConfigError(str(error)) from error


def _prefixes(config: Config, instance: int | None) -> dict[str, str]:
    """Return what node coinbases of each site begin with, hexadecimal."""
    if instance is None:
        return {}
    from proxy.share_process.source_maker import coinbase_prefixes  # noqa: PLC0415

    prefixes = coinbase_prefixes(config, instance)
    return {site: prefix.hex() for site, prefix in prefixes.items()}


def _about_instance(instance: int | None, prefixes: dict[str, str]) -> str:
    if instance is None:
        return "instance: drawn at the first start\n"
    return instance_line(instance, prefixes)
