"""`baseload check-config`: read a configuration, ask its nodes, and stop."""

import sys
from pathlib import Path
from typing import Any

from proxy.admin.render import instance_line
from proxy.cli.command import Arguments, Parser, config_option, print_json
from proxy.config import Config, ConfigError, load_config, refuse_unready
from proxy.runtime.instance import InstanceFileError, kept_instance


def check_options(parser: Parser) -> None:
    """Add the options of `check-config`."""
    config_option(parser)
    parser.add_argument(
        "--nodes", action="store_true", help="ask each node, and propose a block to it"
    )


def check(arguments: Arguments) -> int:
    """Say whether a configuration is good; return 1 if a node of it is not.

    Raises:
        ConfigError: It is not.
    """
    from proxy.supervisor.service import check_power, doubts  # noqa: PLC0415  (numpy, for this alone)

    config = load_config(arguments.config)
    refuse_unready(config)
    check_power(config)
    summary: dict[str, Any] = {"sites": len(config.sites), "pools": len(config.pools)}
    text = f"{arguments.config}: {summary['sites']} sites, good\n"
    if config.nodes:
        summary["instance"] = _instance(config)
        summary["prefixes"] = _prefixes(config, summary["instance"])
    summary["warnings"] = list(doubts(config))
    text += "".join(f"warning: {doubt}\n" for doubt in summary["warnings"])
    faults = []
    if arguments.nodes:
        from proxy.share_process.main import check_nodes  # noqa: PLC0415

        reports = summary["nodes"] = check_nodes(config)
        faults = [f"node {node.name}: {node.text}" for node in reports if not node.ok]
        text += "".join(
            f"{node.name}: {node.version} on {node.chain}, height {node.height}, "
            f"{node.text}\n"
            for node in reports
            if node.ok
        )
    if config.nodes:
        text += _about_instance(summary["instance"], summary["prefixes"])
    if arguments.json:
        print_json(summary)
    else:
        sys.stdout.write(text)
    if faults:
        sys.stderr.write(f"baseload: {'; '.join(faults)}\n")
    return 1 if faults else 0


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
    from proxy.share_process.sources import coinbase_prefixes  # noqa: PLC0415

    prefixes = coinbase_prefixes(config, instance)
    return {site: prefix.hex() for site, prefix in prefixes.items()}


def _about_instance(instance: int | None, prefixes: dict[str, str]) -> str:
    if instance is None:
        return "instance: drawn at the first start\n"
    return instance_line(instance, prefixes)
