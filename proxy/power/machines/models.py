"""Machines by name: what each draws, finds and how fast it changes."""

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from protocol.units import HashesPerSecond, Seconds, Watts
from proxy.config.machines import ModelConfig
from proxy.power.machines.names import key_of, nearest_names

HASHES_PER_TERAHASH = 1e12

IDLE_PART = 0.1
"""Of its watts, what a machine draws awake without work, where nobody says: taken to be
rather too much, as few makers have published a figure."""

ASLEEP_W = 100.0
"""Asleep, control board and fans, where nobody says: the catalogue's highest."""

Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]
Level = tuple[Positive, Positive]
"""A profile slower than full speed: (TH/s, W)."""


class MachineModel(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One kind of machine by its nameplate, at the wall.

    The meter corrects it: nameplates are off by 5 to 20 %.
    """

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    aliases: tuple[str, ...] = ()
    th_s: Positive
    watts: Positive
    idle_w: NotNegative
    sleep_w: NotNegative
    t_down_s: NotNegative
    t_up_delay_s: NotNegative
    t_up_ramp_s: NotNegative
    levels: Annotated[tuple[Level, ...], Meta(max_length=8)] = ()
    source: Annotated[str, Meta(min_length=1)]

    def __post_init__(self) -> None:
        """Refuse levels that do not rise, and sleep above idle above full."""
        points = [(0.0, self.sleep_w), *self.levels, (self.th_s, self.watts)]
        for (slow, less), (fast, more) in pairwise(points):
            if slow >= fast or less >= more:
                raise ValueError(
                    f"{self.name}: levels do not rise up to th_s and watts"
                )
        if not self.sleep_w <= self.idle_w < self.watts:
            raise ValueError(f"{self.name}: wanted sleep_w <= idle_w < watts")

    @property
    def t_up_s(self) -> Seconds:
        """Time from a wake command to full speed."""
        return Seconds(self.t_up_delay_s + self.t_up_ramp_s)

    @property
    def joules_per_terahash(self) -> float:
        """Efficiency at full speed; lower is better."""
        return self.watts / self.th_s

    def hashrate(self, hash_scale: float = 1.0) -> HashesPerSecond:
        """Return hashes per second at full speed.

        Args:
            hash_scale: 1 for a real machine, else the simulation's factor.
        """
        return HashesPerSecond(self.th_s * HASHES_PER_TERAHASH * hash_scale)

    def points(self, *, sleeps: bool) -> tuple[tuple[HashesPerSecond, Watts], ...]:
        """Return (hashes/s, W) of every level, the first of them without work.

        Args:
            sleeps: It can be put to sleep; else it can only be parked, and idles.
        """
        rest = self.sleep_w if sleeps else self.idle_w
        running = [*(self.levels if sleeps else ()), (self.th_s, self.watts)]
        return (
            (HashesPerSecond(0.0), Watts(rest)),
            *((HashesPerSecond(h * HASHES_PER_TERAHASH), Watts(w)) for h, w in running),
        )


class Catalogue(Struct, frozen=True, forbid_unknown_fields=True):
    """The file models.toml."""

    models: tuple[MachineModel, ...]


class UnknownModelError(LookupError):
    """No machine of that name is in the catalogue."""


Models = Mapping[str, MachineModel]
"""Machines by the keys of their names and aliases; see `names.key_of`."""


def parse_models(text: bytes) -> Models:
    """Return the machines of a catalogue in TOML.

    Raises:
        msgspec.ValidationError: A wrong key or value; the message names it.
        ValueError: Two machines of one name.
    """
    return _by_key(msgspec.toml.decode(text, type=Catalogue).models)


@cache
def load_models() -> Models:
    """Return the machines that ship with Baseload; read at the first call."""
    rows = files("proxy.power.machines").joinpath("models.toml")
    return parse_models(rows.read_bytes())


def models_with(own: Iterable[ModelConfig]) -> Models:
    """Return the machines that ship with Baseload, and an operator's own above them.

    Raises:
        ValueError: One of them cannot be, or two have one name; the message says why.
    """
    return {**load_models(), **_by_key([_model_of(row) for row in own])}


def find_model(
    name: str, *, where: str = "", models: Models | None = None
) -> MachineModel:
    """Return the machine called `name`, by any name that it is known by.

    Args:
        name: As in the catalogue, or as pyasic or a maker calls it.
        where: The key that names it, for the error.
        models: Where to look; None: among those that ship with Baseload.

    Raises:
        UnknownModelError: It is in no table; the message has near names.
    """
    known = load_models() if models is None else models
    found = known.get(key_of(name))
    if found is not None:
        return found
    near = nearest_names(name, {key: model.name for key, model in known.items()})
    hint = f"; near it: {', '.join(dict.fromkeys(near))}" if near else ""
    more = "; describe it in [[models]]" if models is not None else ""
    at = f" - at `{where}`" if where else ""
    raise UnknownModelError(f"no model {name!r}{hint}{more}{at}")


def _by_key(models: Iterable[MachineModel]) -> dict[str, MachineModel]:
    by_key: dict[str, MachineModel] = {}
    for model in models:
        for name in (model.name, *model.aliases):
            other = by_key.setdefault(key_of(name), model)
            if other is not model:
                raise ValueError(f"two models of one name: {other.name}, {model.name}")
    return by_key


def _model_of(row: ModelConfig) -> MachineModel:
    """Return a machine of an operator's, checked as those of the catalogue are."""
    idle_w = IDLE_PART * row.watts if row.idle_w is None else row.idle_w
    return MachineModel(
        name=row.name,
        th_s=row.th_s,
        watts=row.watts,
        idle_w=idle_w,
        sleep_w=min(idle_w, ASLEEP_W) if row.sleep_w is None else row.sleep_w,
        t_down_s=row.t_down_s,
        t_up_delay_s=0.0,
        t_up_ramp_s=row.t_up_s,
        levels=row.levels,
        source="the configuration",
    )
