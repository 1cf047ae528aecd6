"""Machines by the names that people, makers and pyasic give them.

pyasic says `S19j Pro (LuxOS)` where the catalogue has `Antminer S19j Pro`, `M50S VH50`
for `Whatsminer M50S`, `AvalonMiner 1246` for `Avalon A1246`, `S21 Hydro` for `S21 Hyd`.
"""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

_MAKERS = re.compile(
    r"^(bitmain|microbt|canaan|bitdeer|auradine)?\s*"
    r"(antminer|whatsminer|avalonminer|avalon|sealminer|teraflux|bitaxe)?\s*"
)
_FIRMWARE = re.compile(r"\s*\([^)]*\)$")  # S19j Pro (LuxOS)
_NO_PIC = re.compile(r"\s*no\s?pic$")  # a control board without a PIC: the same watts
_BIN = re.compile(
    r"(?<=[a-z0-9+])[\s_]+v[a-z]?[0-9a]\d*$"
)  # M50S_VH50: chips and works
_SHOWN = 3
_LEAST = 3  # "S9" is in many names

NEAR = 0.6
"""Of difflib: from here on names are alike enough to be offered."""


def key_of(name: str) -> str:
    """Return what is the same in all names of one machine."""
    text = _FIRMWARE.sub("", " ".join(name.lower().split()))
    text = _NO_PIC.sub("", text)
    text = _BIN.sub("", text)
    bare = _MAKERS.sub("", text) or text
    if bare[:4].isdigit():  # AvalonMiner 1246
        bare = f"a{bare}"
    return re.sub(r"[\s_-]", "", bare.replace("hydro", "hyd"))


def nearest_names(name: str, known: Mapping[str, str]) -> list[str]:
    """Return up to three names that may have been meant, the likeliest first.

    Args:
        name: As it was given.
        known: The names of machines by their keys.
    """
    wanted = key_of(name)
    alike = get_close_matches(wanted, known, n=_SHOWN, cutoff=NEAR)
    within = [key for key in known if len(wanted) > 1 and _holds(key, wanted)]
    return [known[key] for key in _once([*alike, *within])][:_SHOWN]


def _holds(key: str, wanted: str) -> bool:
    return wanted in key or (len(key) >= _LEAST and key in wanted)


def _once(keys: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(keys))
