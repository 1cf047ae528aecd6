"""`baseload demo`: a node, the proxy and a simulated plant in one command."""
