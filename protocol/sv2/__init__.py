"""Stratum V2, both sides, without I/O."""
