"""The tables of a cluster, as SQL: a file leads from the version before to its own."""
