"""The share engine in C: what it judges, it judges as `protocol.work.judge` does."""
