"""Find the models in a device's register map, whoever does the reading.

| "SunS" | model 1 | model | ... | 0xFFFF 0 |   each model: ID, length, registers

Maps in the field end otherwise too: with 0x0000, or with the last register that a
device has. What was found until then counts.
"""

from attrs import define, field, frozen

from protocol.errors import MalformedMessageError
from protocol.sunspec.layout import COMMON_ID, END_ID, HEADER

MARK = b"SunS"
BASES = (40000, 50000, 0)
"""Where a map may begin, in the order to try. Spec: SunSpec, 4.1."""

MAX_MODELS = 64
"""Models that a map may hold before it counts as endless."""

_LAST_REGISTER = 0xFFFF


@frozen
class Location:
    """A model and the register that its ID is in."""

    model_id: int
    address: int
    length: int  # registers after ID and length

    @property
    def registers(self) -> int:
        """Registers from the ID on."""
        return self.length + 2


@define
class Survey:
    """Tell what to read next, take what was read, until `is_done`."""

    base: int = BASES[0]
    found: list[Location] = field(factory=list)  # at most MAX_MODELS
    is_done: bool = False
    _at: int | None = None  # None: the mark is still to come

    @property
    def wanted(self) -> tuple[int, int]:
        """Address and number of the registers to read next."""
        return (self.base if self._at is None else self._at), 2

    def feed(self, data: bytes) -> None:
        """Take the `wanted` registers.

        Raises:
            MalformedMessageError: No SunSpec map, or one without an end.
        """
        if len(data) != HEADER.sizeof():
            raise MalformedMessageError(f"{len(data)} B, wanted {HEADER.sizeof()}")
        if self._at is None:
            self._begin(data)
            return
        header = HEADER.parse(data)
        if header.id == END_ID or (header.id == 0 and self.found):
            self.is_done = True
            return
        self._note(Location(header.id, self._at, header.length))

    def end(self) -> bool:
        """Take the map to end here: the device has no registers to go on with.

        Returns:
            Whether it can: a model was found before.
        """
        self.is_done = self.is_done or bool(self.found)
        return self.is_done

    def find(self, *model_ids: int, nth: int = 1) -> Location | None:
        """Return a model found of the given ids, None if there is none.

        Args:
            model_ids: Any of them.
            nth: Which of several in the order of the map, from 1.
        """
        found = [m for m in self.found if m.model_id in model_ids]
        return found[nth - 1] if len(found) >= nth else None

    def _begin(self, data: bytes) -> None:
        if data != MARK:
            raise MalformedMessageError(f"{data!r} at {self.base}, wanted {MARK!r}")
        self._at = self.base + 2

    def _note(self, location: Location) -> None:
        if not self.found and location.model_id != COMMON_ID:
            raise MalformedMessageError(f"first model is {location.model_id}, not 1")
        if len(self.found) >= MAX_MODELS:
            raise MalformedMessageError(f"more than {MAX_MODELS} models")
        after = location.address + location.registers
        is_empty = location.length == 0  # a maker's own model may be
        if (is_empty and not self.found) or after + 1 > _LAST_REGISTER:
            raise MalformedMessageError(f"model {location.model_id} does not end")
        self.found.append(location)
        self._at = after


def build_map(*blocks: bytes) -> bytes:
    """Return a whole map from `base` on: mark, models, end.

    Args:
        blocks: Models with their ID and length, the common one first.
    """
    end = HEADER.build({"id": END_ID, "length": 0})
    return b"".join((MARK, *blocks, end))
