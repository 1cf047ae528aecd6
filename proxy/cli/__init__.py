"""The command line: `baseload` and its commands."""
