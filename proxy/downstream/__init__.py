"""Stratum towards the miners."""
