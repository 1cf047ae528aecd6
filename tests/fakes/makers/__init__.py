"""Machines of each firmware, at their own wires, as pyasic meets them.

`behaviour.py` says what a firmware does and how long it takes; the other modules speak
for it: each binds its firmware's ports at an address of 127.0.0.0/8.
"""
