"""The share process: Stratum, jobs, shares, ledger and admin sockets."""
