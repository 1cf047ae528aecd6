"""The ledger's tables, one file a version."""
