"""Let members write what is theirs: `cluster admit`, for roles of their own.

A role is called as its member: PostgreSQL then lets it write that member's row alone
(row-level security, `schema/0002.sql`). Who may lead writes the leader's row and
grants, and so can grant anything; the others cannot. Rows of the ledger are not told
apart: COPY, which alone is fast enough, is refused where rows are.
"""

from collections.abc import Iterable
from typing import LiteralString

import psycopg
from psycopg import sql

from proxy.cluster.migrate import CONNECT_S, SCHEMA, MigrateError, first_line

_ALL: tuple[LiteralString, ...] = (
    "REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {role}",
    "GRANT USAGE ON SCHEMA {schema} TO {role}",
    "GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role}",
    "GRANT USAGE ON SEQUENCE {schema}.life TO {role}",
    "GRANT INSERT ON {schema}.proxy TO {role}",
    "GRANT INSERT, UPDATE ON {schema}.member, {schema}.shipped TO {role}",
    "GRANT INSERT, UPDATE ON {schema}.spoken, {schema}.block TO {role}",
    "GRANT INSERT, DELETE ON {schema}.site_order TO {role}",
    "GRANT INSERT ON {schema}.ship_gap, {schema}.share TO {role}",
    "GRANT INSERT ON {schema}.upstream, {schema}.work_minute TO {role}",
    "GRANT INSERT ON {schema}.work_hour, {schema}.work_day TO {role}",
    "GRANT EXECUTE ON FUNCTION {schema}.make_day, {schema}.drop_days TO {role}",
)
_LEADING: tuple[LiteralString, ...] = (
    "GRANT UPDATE ON {schema}.leader TO {role}",
    "GRANT INSERT, UPDATE, DELETE ON {schema}.grant_ TO {role}",
    "GRANT DELETE ON {schema}.member TO {role}",
)


def admit(url: str, roles: Iterable[str], *, may_lead: bool) -> None:
    """Give roles what members need, and take from them what they do not.

    Args:
        url: As a role that owns the tables.
        roles: Each called as its member; they exist.
        may_lead: They may hand out grants, and forget members.

    Raises:
        MigrateError: It cannot be done; nothing is.
    """
    statements = (*_ALL, *_LEADING) if may_lead else _ALL
    try:
        with psycopg.connect(url, connect_timeout=CONNECT_S) as connection:
            for role in roles:
                names = {
                    "schema": sql.Identifier(SCHEMA),
                    "role": sql.Identifier(role),
                }
                for statement in statements:
                    connection.execute(sql.SQL(statement).format(**names))
    except psycopg.Error as error:
        raise MigrateError(first_line(error)) from error
