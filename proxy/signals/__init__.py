"""Where budgets and meter readings come from."""
