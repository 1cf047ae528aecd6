"""The control law of one site: budget, meter, estimate, cap and trust."""
