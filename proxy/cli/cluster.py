"""What the commands of `cluster`, and `ship`, do without a running proxy."""

import sys
import time
from importlib.util import find_spec
from pathlib import Path

from proxy.cli.command import Arguments, Parser, config_option, print_json
from proxy.cluster.ship_told import setup_for
from proxy.config import Config, ConfigError, load_config
from proxy.config.cluster import ClusterConfig
from proxy.runtime.instance import kept_instance


def leave_options(parser: Parser) -> None:
    """Add the argument of `cluster leave`."""
    parser.add_argument("member", help="as `cluster status` names it")


def migrate_tables(arguments: Arguments) -> int:
    """Make the tables of a cluster, or bring them to this release.

    Raises:
        ConfigError: The file has no cluster.
    """
    cluster = cluster_in(load_config(arguments.config))
    from proxy.cluster.migrate import MigrateError, migrate  # noqa: PLC0415  (an extra)

    try:
        done = migrate(cluster.url, [site.name for site in cluster.sites])
    except MigrateError as error:
        sys.stderr.write(f"baseload: {error}\n")
        return 1
    if arguments.json:
        print_json({"before": done.before, "after": done.after})
    elif done.before == done.after:
        sys.stdout.write(f"the tables are of version {done.after} already\n")
    else:
        sys.stdout.write(f"the tables are of version {done.after} now\n")
    return 0


def admit_options(parser: Parser) -> None:
    """Add the arguments of `cluster admit`."""
    parser.add_argument(
        "members", nargs="+", metavar="MEMBER", help="roles, called as their members"
    )
    parser.add_argument(
        "--follows", action="store_true", help="they never hand out grants"
    )
    config_option(parser)


def admit_members(arguments: Arguments) -> int:
    """Let roles of the database write what is their members'.

    Raises:
        ConfigError: The file has no cluster.
    """
    cluster = cluster_in(load_config(arguments.config))
    from proxy.cluster.admit import admit  # noqa: PLC0415  (an extra)
    from proxy.cluster.migrate import MigrateError  # noqa: PLC0415

    try:
        admit(cluster.url, arguments.members, may_lead=not arguments.follows)
    except MigrateError as error:
        sys.stderr.write(f"baseload: {error}\n")
        return 1
    if arguments.json:
        said = {"members": arguments.members, "may_lead": not arguments.follows}
        print_json(said)
    else:
        what = "follow" if arguments.follows else "follow and lead"
        sys.stdout.write(f"{', '.join(arguments.members)} may {what}\n")
    return 0


def ship_ledger(arguments: Arguments) -> int:
    """Copy the ledger upward until it is ended.

    Raises:
        ConfigError: The file has no cluster, or the proxy has no number yet.
    """
    config = load_config(arguments.config)
    cluster_in(config)
    instance = config.proxy.instance
    if instance is None:
        instance = kept_instance(Path(config.proxy.state_dir))
    if instance is None:
        raise ConfigError("no instance is drawn yet: start the proxy once")
    setup = setup_for(config, instance)
    if setup is None:
        raise ConfigError('nothing is to be copied: [cluster] ship = "off"')
    from proxy.cluster.ship import Shipper, sleeping  # noqa: PLC0415  (an extra)
    from proxy.cluster.shipper import begin_logging, copy  # noqa: PLC0415

    begin_logging()
    shipper = Shipper(setup, time.time)  # noqa: TID251  (where the clock comes in)

    def goes_on(pause_s: float) -> bool:
        if arguments.json and pause_s:
            print_json(shipper.shipped)
            sys.stdout.flush()
        return sleeping(pause_s)

    return copy(shipper, goes_on)


def cluster_in(config: Config) -> ClusterConfig:
    """Return `[cluster]`, if it can be used.

    Raises:
        ConfigError: There is none, or its library is not installed.
    """
    if config.cluster is None:
        raise ConfigError("the file has no [cluster]")
    if find_spec("psycopg") is None:
        raise ConfigError(
            "[cluster] needs psycopg: pip install '.[cluster]' in the checkout"
        )
    return config.cluster
