"""A simulated plant."""
