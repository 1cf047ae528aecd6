"""The share process's side of power: the controller as its child, and the fail-safe."""
