"""The tables of a cluster in memory, behind a session that answers, or does not."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from attrs import define, field

from proxy.cluster.session import DatabaseError
from proxy.power.allotment.rows import Grant


@define(eq=False, repr=False)
class Cursor:
    """What one statement brought."""

    found: list[tuple[Any, ...]]
    rowcount: int = 1

    async def fetchone(self) -> tuple[Any, ...] | None:
        return self.found[0] if self.found else None


@define(eq=False, repr=False)
class MemberTables:
    """What one member's statements meet; a `Session` and its connection in one."""

    grant: Grant | None = None
    owner: str = ""  # of the instance; empty: nobody
    is_away: bool = False
    rows: list[dict[str, Any]] = field(factory=list)
    lives: int = 0

    async def run(self, work: Callable[[Any], Awaitable[Any]]) -> Any:
        if self.is_away:
            raise DatabaseError("no answer in time")
        return await work(self)

    def drop(self) -> None:
        return

    async def execute(self, statement: str, values: Any) -> Cursor:
        if "nextval" in statement:
            self.lives += 1
            is_ours = self.owner in {"", values[1]}
            return Cursor([(self.lives,)] if is_ours else [])
        if isinstance(values, dict):
            row = dict(values)
            row["need"] = msgspec.json.decode(row["need"])
            self.rows.append(row)
            g = self.grant
            if g is None:
                return Cursor([])
            return Cursor([(g.epoch, g.number, g.watts, g.out, g.life, g.answers)])
        return Cursor([])
