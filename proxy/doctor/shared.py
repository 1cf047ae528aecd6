"""The cluster's database: reached, of this release, with this proxy in it."""

from collections.abc import Iterator
from importlib.util import find_spec

from proxy.config import Config
from proxy.config.cluster import ClusterConfig
from proxy.doctor.check import Finding, fail, ok, skipped, warn

NAME = "cluster"
WITHIN_S = 12.0
"""libpq gives a host up after that at the latest."""

SLOW_S = 0.1
"""Of one question: a poll has a second in all, and asks and commits."""


def cluster(config: Config) -> Iterator[Finding]:
    """Look whether the database answers, and knows what this release needs."""
    shared = config.cluster
    if shared is None:
        return
    if find_spec("psycopg") is None:
        yield skipped(NAME, "psycopg is not installed")
        return
    from proxy.cluster.migrate import NEWEST, MigrateError, look  # noqa: PLC0415

    try:
        seen = look(shared.url)
    except MigrateError as error:
        remedy = "mend [cluster] url, or the database: halls are at their floors"
        yield fail(NAME, str(error), remedy)
        return
    migrate = "run `baseload cluster migrate`"
    if seen.version < NEWEST:
        text = f"the tables are of version {seen.version}, not {NEWEST}"
        yield fail(NAME, text, migrate)
    else:
        yield ok(NAME, f"{seen.server}, tables of version {seen.version}")
    if seen.took_s > SLOW_S:
        text = f"a question took {seen.took_s * 1e3:.0f} ms"
        yield warn(NAME, text, "a nearer database, or a faster way to it")
    yield from _sites(shared, seen.sites)


def _sites(shared: ClusterConfig, known: tuple[str, ...]) -> Iterator[Finding]:
    for site in shared.sites:
        if site.name not in known:
            yield fail(
                NAME,
                f"{site.name} is in no table: nobody grants its halls anything",
                "run `baseload cluster migrate`",
            )
