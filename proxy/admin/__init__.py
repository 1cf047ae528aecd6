"""The admin socket and those who speak through it."""
