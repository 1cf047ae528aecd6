"""How firmwares speak Stratum V1, as data."""

from attrs import frozen

from protocol.units import Seconds

SILENCE = Seconds(90.0)
"""A connection without a line for so long is given up."""

RETRY = Seconds(5.0)
"""Pause before the next attempt to connect."""


@frozen
class MinerDialect:
    """What tells one firmware from another on the wire.

    Attributes:
        pipelines: Sends configure, subscribe and authorize without waiting.
        immediate_difficulty: set_difficulty holds for running jobs; else from the
            next notify on, and each notify consumes at most one.
        remembered_jobs: A notify whose job id is among the last so many is ignored
            unless it is clean.
        takes_version_mask: Obeys mining.set_version_mask.
        obeys_reconnect: Follows client.reconnect within its own domain.
        pong_as_method: Answers a ping with a message of method "pong".
    """

    name: str
    user_agent: str
    pipelines: bool
    immediate_difficulty: bool
    remembered_jobs: int
    takes_version_mask: bool
    obeys_reconnect: bool
    pong_as_method: bool


CGMINER = MinerDialect(
    name="cgminer",
    user_agent="cgminer/4.11.1",
    pipelines=False,
    immediate_difficulty=False,
    remembered_jobs=0,
    takes_version_mask=True,
    obeys_reconnect=True,
    pong_as_method=False,
)
"""A stock Antminer and most that descend from cgminer."""

BITAXE = MinerDialect(
    name="bitaxe",
    user_agent="bitaxe/BM1370/v2.9.0",
    pipelines=True,
    immediate_difficulty=True,
    remembered_jobs=16,
    takes_version_mask=True,
    obeys_reconnect=False,
    pong_as_method=True,
)
"""ESP-Miner."""

DIALECTS = {dialect.name: dialect for dialect in (CGMINER, BITAXE)}
"""By name, as the command line spells it."""
