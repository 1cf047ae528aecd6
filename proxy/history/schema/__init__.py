"""The file of history, one SQL file a version."""
