"""Make the tables of a cluster, or bring them to this release: `cluster migrate`."""

import time
from typing import Any

import psycopg
from attrs import frozen
from psycopg import sql

from proxy.cluster import schema
from proxy.runtime.database_file import steps_in

SCHEMA = "baseload"
"""All tables are in a schema of their own: the database may have others."""

_LOCK = 0x6261736C6F6164  # "baseload": two who migrate at once wait for each other
CONNECT_S = 10
"""For a person who waits; libpq knows no shorter time than 2 s."""


class MigrateError(Exception):
    """The tables cannot be made or used; the message says why."""


@frozen
class Migrated:
    """From which version the tables came to which."""

    before: int
    after: int


NEWEST = max(steps_in(schema))


@frozen
class Seen:
    """What a look at the database found; version 0: no tables."""

    server: str
    version: int
    sites: tuple[str, ...]
    took_s: float


def look(url: str) -> Seen:
    """Return how the tables stand; nothing is changed.

    Raises:
        MigrateError: The database does not answer, or not us.
    """
    try:
        with psycopg.connect(url, connect_timeout=CONNECT_S) as connection:
            return _seen(connection)
    except psycopg.Error as error:
        raise MigrateError(first_line(error)) from error


def _seen(connection: psycopg.Connection[Any]) -> Seen:
    began = time.monotonic()  # noqa: TID251  (of a tool's own question)
    number = connection.info.server_version
    there = connection.execute(
        "SELECT to_regclass(%s) IS NOT NULL", (f"{SCHEMA}.version",)
    ).fetchone()
    took_s = time.monotonic() - began  # noqa: TID251
    server = f"PostgreSQL {number // 10000}.{number % 10000}"
    if there is None or not there[0]:
        return Seen(server, 0, (), took_s)
    name = sql.Identifier(SCHEMA)
    row = connection.execute(
        sql.SQL("SELECT max(number) FROM {}.version").format(name)
    ).fetchone()
    sites = connection.execute(
        sql.SQL("SELECT site FROM {}.leader").format(name)
    ).fetchall()
    version = 0 if row is None or row[0] is None else int(row[0])
    return Seen(server, version, tuple(one[0] for one in sites), took_s)


def migrate(url: str, sites: list[str]) -> Migrated:
    """Bring the tables to `NEWEST`, all or nothing; make `sites` known.

    A schema only grows within a minor release: members of the release before go on.

    Raises:
        MigrateError: It cannot be done, or a newer release has been there.
    """
    try:
        with psycopg.connect(url, connect_timeout=CONNECT_S) as connection:
            return _migrated(connection, sites)
    except psycopg.Error as error:
        raise MigrateError(first_line(error)) from error


def _migrated(connection: psycopg.Connection[Any], sites: list[str]) -> Migrated:
    name = sql.Identifier(SCHEMA)
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
    connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(name))
    connection.execute(sql.SQL("SET LOCAL search_path TO {}").format(name))
    connection.execute(
        "CREATE TABLE IF NOT EXISTS version (number integer NOT NULL)",
    )
    row = connection.execute("SELECT max(number) FROM version").fetchone()
    before = row[0] if row is not None and row[0] is not None else 0
    if before > NEWEST:
        raise MigrateError(
            f"the tables are of version {before}, this release knows {NEWEST}"
        )
    for number, step in sorted(steps_in(schema).items()):
        if number > before:
            connection.execute(step.encode())
            connection.execute("INSERT INTO version VALUES (%s)", (number,))
    for site in sites:
        connection.execute(
            "INSERT INTO leader VALUES (%s, 0, 0, '') ON CONFLICT DO NOTHING", (site,)
        )
    return Migrated(before, NEWEST)


def first_line(error: Exception) -> str:
    """Return what an error says, without the statement and the hints below it."""
    return str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
