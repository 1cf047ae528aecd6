"""Prices of electricity for stretches of time, and the documents that say them."""
