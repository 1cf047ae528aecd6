"""Orders: taken, renewed, withdrawn, and the budget that they make."""
