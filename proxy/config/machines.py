"""`[[models]]`: machines that are in no table, or not as these are."""

from typing import Annotated

from msgspec import Meta

from proxy.config.fields import NotNegative, Positive, Section

Level = tuple[Positive, Positive]
"""A profile slower than full speed: (TH/s, W)."""


class ModelConfig(Section, frozen=True, kw_only=True):
    """`[[models]]`: one kind of machine, by its nameplate at the wall.

    A name that is in the catalogue too stands for this one.

    Attributes:
        name: What rows of a fleet call it; see `baseload help models`.
        th_s: Terahashes a second at full speed.
        watts: At full speed.
        idle_w: Awake without work; None: a tenth of `watts`.
        sleep_w: Asleep through its own API.
        levels: Slower profiles as [TH/s, W], rising.
        t_down_s: From a sleep command until it draws `sleep_w`.
        t_up_s: From a wake command until full speed.
    """

    name: Annotated[str, Meta(min_length=1, max_length=64, pattern=r"\S")]
    th_s: Positive
    watts: Positive
    idle_w: NotNegative | None = None
    sleep_w: NotNegative | None = None
    levels: Annotated[tuple[Level, ...], Meta(max_length=8)] = ()
    t_down_s: NotNegative = 20.0
    t_up_s: NotNegative = 180.0
