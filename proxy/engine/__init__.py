"""The share engine in C, and its Cython wrapper."""
