"""Quantities as people read them."""

_PREFIXES = ("", "k", "M", "G", "T", "P", "E")


def si(value: float | None, unit: str) -> str:
    """Return `value` with three digits and a prefix; a dash for None."""
    if value is None:
        return "-"
    step = 0
    while abs(value) >= 999.5 and step < len(_PREFIXES) - 1:  # noqa: PLR2004  (999.5 would read 1e+03)
        value, step = value / 1000, step + 1
    return f"{value:.3g} {_PREFIXES[step]}{unit}"
