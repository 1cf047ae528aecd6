"""How one budget is handed to many halls: what may be granted, and how it is held."""
