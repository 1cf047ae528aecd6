"""What bears the load, in C, and the server that it is held against."""
