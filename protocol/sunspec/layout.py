"""The register layouts of common model 1 and meter models 201 to 214.

Offsets count registers from a model's ID. Spec: SunSpec Information Model
Reference, models 1, 201-204 (integers with scale factors) and 211-214 (float32).

| model 20x | A 2, A_SF 6, PhV 7, V_SF 15, Hz 16, Hz_SF 17, W 18, W_SF 22, VA 23,   |
|           | VAR 28, PF 33, TotWhExp 38, TotWhImp 46, TotWh_SF 54, TotVAh 55,      |
|           | TotVArh 72, Evt 105; 107 registers in all                             |
| model 21x | A 2, PhV 10, Hz 26, W 28, VA 36, VAR 44, PF 52, TotWhExp 60,          |
|           | TotWhImp 68, TotVAh 76, TotVArh 92, Evt 124; 126 registers in all     |
"""

from construct import Array, Bytes, Const, Float32b, Int16sb, Int16ub, Int32ub, Struct

COMMON_ID = 1
COMMON_LENGTHS = (65, 66)  # with a pad register or without
END_ID = 0xFFFF

INTEGER_METERS = {201: "single phase", 202: "split phase", 203: "wye", 204: "delta"}
FLOAT_METERS = {211: "single phase", 212: "split phase", 213: "wye", 214: "delta"}
INTEGER_LENGTH = 105
FLOAT_LENGTH = 124

HEADER = Struct("id" / Int16ub, "length" / Int16ub).compile()

COMMON = Struct(
    "id" / Const(COMMON_ID, Int16ub),
    "length" / Int16ub,
    "manufacturer" / Bytes(32),
    "model" / Bytes(32),
    "options" / Bytes(16),
    "version" / Bytes(16),
    "serial" / Bytes(32),
    "address" / Int16ub,
).compile()

INTEGER_METER = Struct(
    "id" / Int16ub,
    "length" / Const(INTEGER_LENGTH, Int16ub),
    "amperes" / Array(4, Int16sb),  # sum, then phases A, B, C; so below
    "amperes_sf" / Int16sb,
    "volts" / Array(8, Int16sb),  # to neutral: mean, A, B, C; between: mean, AB, BC, CA
    "volts_sf" / Int16sb,
    "hertz" / Int16sb,
    "hertz_sf" / Int16sb,
    "watts" / Array(4, Int16sb),
    "watts_sf" / Int16sb,
    "volt_amperes" / Array(4, Int16sb),
    "volt_amperes_sf" / Int16sb,
    "reactive" / Array(4, Int16sb),
    "reactive_sf" / Int16sb,
    "power_factor" / Array(4, Int16sb),
    "power_factor_sf" / Int16sb,
    "exported_wh" / Array(4, Int32ub),
    "imported_wh" / Array(4, Int32ub),
    "energy_sf" / Int16sb,
    "apparent_energy" / Array(8, Int32ub),
    "apparent_energy_sf" / Int16sb,
    "reactive_energy" / Array(16, Int32ub),
    "reactive_energy_sf" / Int16sb,
    "events" / Int32ub,
).compile()

FLOAT_METER = Struct(
    "id" / Int16ub,
    "length" / Const(FLOAT_LENGTH, Int16ub),
    "amperes" / Array(4, Float32b),
    "volts" / Array(8, Float32b),
    "hertz" / Float32b,
    "watts" / Array(4, Float32b),
    "volt_amperes" / Array(4, Float32b),
    "reactive" / Array(4, Float32b),
    "power_factor" / Array(4, Float32b),
    "exported_wh" / Array(4, Float32b),
    "imported_wh" / Array(4, Float32b),
    "apparent_energy" / Array(8, Float32b),
    "reactive_energy" / Array(16, Float32b),
    "events" / Int32ub,
).compile()
