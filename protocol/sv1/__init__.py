"""Stratum V1, both sides, without I/O."""
