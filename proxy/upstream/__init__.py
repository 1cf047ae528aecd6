"""Stratum towards the pools."""
