"""Units as devices write them, and their conversion to canonical ones (SenML, RFC 8428 and RFC 8798, else UCUM)."""

from typing import NamedTuple


class Conversion(NamedTuple):
    """canonical = value * scale + offset."""

    scale: float
    offset: float


IDENTITY = Conversion(1.0, 0.0)

# Canonical unit of each quantity → what else it is written as: (scale, offset) to the canonical one.
_QUANTITIES: dict[str, dict[str, tuple[float, float]]] = {
    "Cel": {
        "C": (1, 0),
        "°C": (1, 0),
        "degC": (1, 0),
        "F": (5 / 9, -160 / 9),
        "°F": (5 / 9, -160 / 9),
        "degF": (5 / 9, -160 / 9),
        "[degF]": (5 / 9, -160 / 9),
        "K": (1, -273.15),
    },
    "hPa": {
        "mbar": (1, 0),
        "Pa": (0.01, 0),
        "kPa": (10, 0),
        "bar": (1_000, 0),
        "mmHg": (1.333223874, 0),
        "inHg": (33.86388667, 0),
        "psi": (68.94757293, 0),
    },
    # SenML's `/` is a ratio and `/100` its hundredth; relative humidity is a percentage of its own name.
    "%": {"/100": (1, 0), "%RH": (1, 0), "%EL": (1, 0), "percent": (1, 0), "/": (100, 0), "1": (100, 0)},
    "ppm": {"ppb": (0.001, 0)},
    "ug/m3": {"µg/m³": (1, 0), "µg/m3": (1, 0), "mg/m3": (1_000, 0)},
    "V": {"mV": (0.001, 0), "kV": (1_000, 0)},
    "A": {"mA": (0.001, 0)},
    "W": {"mW": (0.001, 0), "kW": (1_000, 0)},
    "kWh": {"Wh": (0.001, 0), "MWh": (1_000, 0), "J": (1 / 3_600_000, 0)},
    "Hz": {"kHz": (1_000, 0), "MHz": (1_000_000, 0)},
    "lx": {"lux": (1, 0), "lm/m2": (1, 0)},
    "m": {"mm": (0.001, 0), "cm": (0.01, 0), "km": (1_000, 0)},
    "m/s": {"km/h": (1 / 3.6, 0), "mph": (0.44704, 0)},
    "l": {"L": (1, 0), "ml": (0.001, 0), "m3": (1_000, 0), "m³": (1_000, 0)},
    "l/s": {"L/s": (1, 0), "l/min": (1 / 60, 0), "m3/h": (1 / 3.6, 0), "m3/s": (1_000, 0)},
    "B": {"byte": (1, 0), "KiB": (1_024, 0), "MiB": (1_048_576, 0), "MB": (1_000_000, 0), "GB": (1_000_000_000, 0)},
    "B/s": {"MB/s": (1_000_000, 0), "bit/s": (0.125, 0), "Mbit/s": (125_000, 0)},
    "s": {"ms": (0.001, 0), "min": (60, 0), "h": (3_600, 0)},
}
_KNOWN = {
    name: (canonical, Conversion(*factors))
    for canonical, names in _QUANTITIES.items()
    for name, factors in {canonical: (1, 0), **names}.items()
}


def canonical_of(unit: str) -> str | None:
    """The canonical unit of the quantity that a unit measures, or None for an unknown unit."""
    known = _KNOWN.get(unit)
    return known[0] if known else None


def conversion(unit: str, target: str) -> Conversion | None:
    """How values in `unit` become values in `target`, or None where they measure different things or are unknown."""
    if unit == target:
        return IDENTITY
    source, wanted = _KNOWN.get(unit), _KNOWN.get(target)
    if source is None or wanted is None or source[0] != wanted[0]:
        return None
    (scale, offset), (unit_scale, unit_offset) = source[1], wanted[1]
    return Conversion(scale / unit_scale, (offset - unit_offset) / unit_scale)
