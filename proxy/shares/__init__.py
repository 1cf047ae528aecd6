"""What miners have earned, and what became of it."""
