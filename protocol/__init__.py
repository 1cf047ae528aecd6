"""Stratum and Bitcoin without I/O: bytes become values, values become decisions."""
