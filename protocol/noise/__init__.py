"""The encrypted transport of Stratum V2."""
