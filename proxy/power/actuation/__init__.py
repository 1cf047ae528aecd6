"""Commands to machines, from issue to proof, and who is admitted to work."""
