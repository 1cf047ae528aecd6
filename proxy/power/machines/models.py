"""Machines by name: what each draws, finds and how fast it changes."""

from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from protocol.units import HashesPerSecond, Seconds, Watts

HASHES_PER_TERAHASH = 1e12

Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]
Level = tuple[Positive, Positive]
"""A profile slower than full speed: (TH/s, W)."""


class MachineModel(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One kind of machine by its nameplate, at the wall.

    The meter corrects it: nameplates are off by 5 to 20 %.
    """

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    th_s: Positive
    watts: Positive
    idle_w: NotNegative
    sleep_w: NotNegative
    t_down_s: NotNegative
    t_up_delay_s: NotNegative
    t_up_ramp_s: NotNegative
    levels: Annotated[tuple[Level, ...], Meta(max_length=8)] = ()
    tolerance: Annotated[float, Meta(ge=0, le=0.5)]
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


def parse_models(text: bytes) -> dict[str, MachineModel]:
    """Return the machines of a catalogue in TOML, by lower-case name.

    Raises:
        msgspec.ValidationError: A wrong key or value; the message names it.
        ValueError: Two machines of one name.
    """
    models = msgspec.toml.decode(text, type=Catalogue).models
    by_name = {model.name.lower(): model for model in models}
    if len(by_name) != len(models):
        raise ValueError("two models of one name")
    return by_name


@cache
def load_models() -> dict[str, MachineModel]:
    """Return the machines that ship with Baseload; read at the first call."""
    rows = files("proxy.power.machines").joinpath("models.toml")
    return parse_models(rows.read_bytes())


def find_model(name: str, *, where: str = "") -> MachineModel:
    """Return the machine called `name`; letter case and outer blanks do not count.

    Args:
        name: As in the catalogue.
        where: The key that names it, for the error.

    Raises:
        UnknownModelError: It is not in the catalogue; the message has near names.
    """
    models = load_models()
    wanted = " ".join(name.lower().split())
    if wanted in models:
        return models[wanted]
    near = [m.name for key, m in models.items() if wanted in key or key in wanted]
    hint = f"; near it: {', '.join(near[:5])}" if near else ""
    at = f" - at `{where}`" if where else ""
    raise UnknownModelError(f"no model {name!r}{hint}{at}")
