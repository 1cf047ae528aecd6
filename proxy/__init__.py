"""Baseload's processes: sockets, clocks, disks and everything that moves."""
