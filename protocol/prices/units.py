"""What a price is said for: ten euros a megawatt hour are a cent a kilowatt hour."""

from typing import Literal

PriceUnit = Literal["MWh", "kWh", "ct/kWh"]

PER_MWH: dict[PriceUnit, float] = {"MWh": 1.0, "kWh": 1e3, "ct/kWh": 10.0}
"""What one of a unit is for a megawatt hour."""

MAX_DOCUMENT_BYTES = 1024 * 1024
"""Ten times a week of quarter hours as ENTSO-E says them; larger ones are refused."""
