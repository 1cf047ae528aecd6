"""What the commands of `cluster`, and `ship`, do without a running proxy."""

import sys
from importlib.util import find_spec

from proxy.cli.command import Arguments, Parser, print_json
from proxy.config import Config, ConfigError, load_config
from proxy.config.cluster import ClusterConfig


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
