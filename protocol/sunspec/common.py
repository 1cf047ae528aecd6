"""Who a device is: SunSpec common model 1."""

from attrs import frozen
from construct import ConstructError

from protocol.errors import LocalError, MalformedMessageError
from protocol.sunspec.layout import COMMON, COMMON_LENGTHS

_SIZES = (("manufacturer", 32), ("model", 32), ("options", 16))
_SIZES_AFTER = (("version", 16), ("serial", 32))


@frozen
class Common:
    """A device's nameplate; texts are ASCII, at most 32 or (*) 16 characters."""

    manufacturer: str
    model: str
    options: str = ""  # *
    version: str = ""  # *
    serial: str = ""
    address: int = 1  # Modbus unit


def parse_common(block: bytes) -> Common:
    """Return who it is, from model 1 with its ID and length first.

    Raises:
        MalformedMessageError: Another model or length.
    """
    if len(block) not in {2 * (length + 2) for length in COMMON_LENGTHS}:
        raise MalformedMessageError(f"common model of {len(block)} B")
    try:
        found = COMMON.parse(block)
    except ConstructError as error:
        raise MalformedMessageError(f"common model: {error}") from error
    if len(block) != 2 * (found.length + 2):
        raise MalformedMessageError(
            f"common model of length {found.length} in {len(block)} B"
        )
    texts = {name: _text(found[name]) for name, _ in (*_SIZES, *_SIZES_AFTER)}
    return Common(**texts, address=found.address)


def build_common(common: Common) -> bytes:
    """Return model 1 of length 66, its pad register included.

    Raises:
        LocalError: A text that is too long or not ASCII.
    """
    fields: dict[str, object] = {
        "length": COMMON_LENGTHS[1],
        "address": common.address,
    }
    for name, size in (*_SIZES, *_SIZES_AFTER):
        fields[name] = _padded(name, getattr(common, name), size)
    built: bytes = COMMON.build(fields)
    return built + b"\x80\x00"


def _text(raw: bytes) -> str:
    return raw.split(b"\0", 1)[0].decode("ascii", "replace").strip()


def _padded(name: str, text: str, size: int) -> bytes:
    if not text.isascii() or len(text) > size:
        raise LocalError(f"{name} {text!r}: wanted at most {size} ASCII characters")
    return text.encode("ascii").ljust(size, b"\0")
